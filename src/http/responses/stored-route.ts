import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ByteLease } from "../../lib/byte-budget.ts";
import { invalid } from "../../model/error.ts";
import type { PageQuery } from "../../service/responses/input-page.ts";
import { leaseUntilAnswered } from "../body.ts";
import { sendJson, sendStored } from "../slices.ts";
import { streamAnswer, type ResponsesRouteOptions } from "./create-route.ts";

interface ById {
  Params: { id: string };
  Querystring: Record<string, string | string[] | undefined>;
}

export type StoredRouteOptions = Pick<
  ResponsesRouteOptions,
  "stored" | "running" | "requestBudget" | "slices" | "heartbeatMs" | "log" | "sseDone"
>;

const path = "/v1/responses/:id";

/** Retrieval, replay, listing of input, cancelling and deleting of stored responses; each key sees only its own. */
export function mountStored(server: FastifyInstance, options: StoredRouteOptions): void {
  const { stored: responses, running, requestBudget, slices } = options;
  const leaseFor = (request: FastifyRequest, reply: FastifyReply): ByteLease =>
    leaseUntilAnswered(reply.raw, requestBudget, request.caller.keyId);

  server.get<ById>(path, async (request, reply) => {
    const wantsStream = flag(request, "stream");
    const after = number(request, "starting_after", -1);
    const lease = leaseFor(request, reply);
    const answer = await responses.get(request.params.id, request.caller, wantsStream ? "events" : "body", lease);
    if (!wantsStream) {
      if (answer.text !== undefined) return sendStored(reply, answer.text);
      return sendJson(reply, slices, await answer.snapshot());
    }
    const { signal } = running.track(reply.raw);
    return streamAnswer(Promise.resolve(answer), { reply, signal, options, after, failure: () => [] });
  });

  server.get<ById>(`${path}/input_items`, async (request, reply) => {
    const { id } = request.params;
    return sendStored(
      reply,
      await responses.inputPage(id, request.caller, pageQuery(request), leaseFor(request, reply)),
    );
  });

  server.post<ById>(`${path}/cancel`, async (request, reply) =>
    sendJson(reply, slices, await responses.cancel(request.params.id, request.caller, leaseFor(request, reply))),
  );

  server.delete<ById>(path, async (request) => {
    const { id } = request.params;
    await responses.delete(id, request.caller);
    return { id, object: "response", deleted: true };
  });
}

const maxPageItems = 100;

/** Which page of the input items is asked for: the newest first unless asked otherwise. */
function pageQuery(request: FastifyRequest<ById>): PageQuery {
  const limit = number(request, "limit", 20);
  if (limit < 1 || limit > maxPageItems) throw invalid("limit", `must be between 1 and ${maxPageItems}`);
  const order = text(request, "order") ?? "desc";
  if (order !== "asc" && order !== "desc") throw invalid("order", "must be asc or desc");
  return { limit, order, after: text(request, "after") };
}

function text(request: FastifyRequest<ById>, name: string): string | undefined {
  const value = request.query[name];
  return Array.isArray(value) ? value[0] : value;
}

function flag(request: FastifyRequest<ById>, name: string): boolean {
  const value = text(request, name);
  if (value === undefined || value === "false") return false;
  if (value === "true" || value === "") return true;
  throw invalid(name, "must be true or false");
}

function number(request: FastifyRequest<ById>, name: string, otherwise: number): number {
  const value = text(request, name);
  if (value === undefined) return otherwise;
  if (!/^-?\d{1,9}$/.test(value)) throw invalid(name, "must be an integer");
  return Number(value);
}
