import type { FastifyInstance, FastifyRequest } from "fastify";
import { invalid } from "../../model/error.ts";
import { isObject } from "../../model/json.ts";
import { endText, eventText } from "../../surface/responses/index.ts";
import type { ResponseEvent } from "../../surface/responses/index.ts";
import { SseResponse } from "../sse-response.ts";
import { traceHeaders } from "../trace.ts";
import { relay } from "./create-route.ts";
import type { ResponsesRouteOptions } from "./create-route.ts";

interface ById {
  Params: { id: string };
  Querystring: Record<string, string | string[] | undefined>;
}

const path = "/v1/responses/:id";

/** Retrieval, replay, listing of input, cancelling and deleting of stored responses; to everyone only their own. */
export function mountStored(server: FastifyInstance, options: ResponsesRouteOptions): void {
  const { responses, runner } = options;

  server.get<ById>(path, async (request, reply) => {
    const { id } = request.params;
    const live = runner.find(id, request.caller);
    const wantsStream = flag(request, "stream");
    const after = number(request, "starting_after", -1);
    if (live !== undefined) {
      if (!wantsStream)
        return live.body(live.events.length <= 2 && live.parsed.answerOptions.background ? "queued" : undefined);
      return relay(live, after, { reply, signal: options.running.track(reply.raw).signal, options });
    }
    const record = await responses.get(id, request.caller);
    if (!wantsStream) return JSON.parse(record.body);
    const events = (JSON.parse(record.events) as ResponseEvent[]).filter((event) => event.sequence_number > after);
    const sse = new SseResponse({
      response: reply.raw,
      headers: traceHeaders(reply),
      heartbeatMs: options.heartbeatMs,
    });
    reply.hijack();
    await sse.relay(one(events.map(eventText).join("")), endText(options.surface.sseDone));
    return reply;
  });

  server.get<ById>(`${path}/input_items`, async (request) => {
    const record = await responses.get(request.params.id, request.caller);
    return page(JSON.parse(record.input) as { id: string }[], request);
  });

  server.post<ById>(`${path}/cancel`, async (request) => {
    const { id } = request.params;
    const live = runner.find(id, request.caller);
    if (live?.parsed.answerOptions.background === true) {
      live.abort();
      await live.finished;
    }
    const body: unknown = JSON.parse((await responses.get(id, request.caller)).body);
    if (!isObject(body) || body["background"] !== true) {
      throw invalid("background", "only a response made with background: true can be cancelled");
    }
    return body;
  });

  server.delete<ById>(path, async (request) => {
    const { id } = request.params;
    const live = runner.find(id, request.caller);
    live?.abort();
    await live?.finished;
    await responses.remove(id, request.caller);
    return { id, object: "response", deleted: true };
  });
}

async function* one(text: string): AsyncGenerator<string> {
  if (text !== "") yield text;
}

const mostItems = 100;

/** One page of input items, newest first unless asked otherwise; `after` is the id of the item before the page. */
function page(items: { id: string }[], request: FastifyRequest<ById>): unknown {
  const limit = number(request, "limit", 20);
  if (limit < 1 || limit > mostItems) throw invalid("limit", `must be between 1 and ${mostItems}`);
  const order = text(request, "order") ?? "desc";
  if (order !== "asc" && order !== "desc") throw invalid("order", "must be asc or desc");
  const sorted = order === "asc" ? items : items.toReversed();
  const after = text(request, "after");
  const before = after === undefined ? -1 : sorted.findIndex((item) => item.id === after);
  if (after !== undefined && before < 0) throw invalid("after", `no input item ${JSON.stringify(after.slice(0, 100))}`);
  const data = sorted.slice(before + 1, before + 1 + limit);
  return {
    object: "list",
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: before + 1 + limit < sorted.length,
  };
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
