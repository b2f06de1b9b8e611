import type { FastifyInstance } from "fastify";
import { invalid } from "../model/error.ts";
import type { ModelRow } from "../service/model.ts";
import { messagesError } from "../surface/messages/index.ts";
import type { Surface } from "../surface/surface.ts";
import { mountGeneration, readRequest, type GenerationRouteOptions } from "./generation-route.ts";
import { useErrors } from "./server.ts";

/** Where the SDKs' base URL ends; they append `/v1/messages` to it. */
const base = "/anthropic";

/**
 * The surface of Anthropic's clients: messages, counts of their tokens, the models in their form (MiniMax API docs,
 * Anthropic-compatible messages and models, 2026-11).
 */
export async function mountMessages<AnswerOptions extends { stream: boolean }>(
  server: FastifyInstance,
  surface: Surface<AnswerOptions>,
  options: GenerationRouteOptions,
): Promise<void> {
  await mountGeneration(server, surface, options);
  await server.register(async (scope) => {
    useErrors(scope, messagesError, options.log);
    for (const path of [surface.path, ...(surface.aliases ?? [])]) {
      scope.post(`${path}/count_tokens`, async (request, reply) => {
        const { signal } = options.running.track(reply.raw);
        const reading = { options, surface, signal, callers: options.generate };
        const { parsed } = await readRequest(request, reply, reading);
        return { input_tokens: await options.generate.count(parsed.request, request.caller, signal) };
      });
    }
    scope.get<{ Querystring: ListQuery }>(`${base}/v1/models`, (request) =>
      modelList(options.models.list(request.caller.models), request.query),
    );
    scope.get<{ Params: { id: string } }>(`${base}/v1/models/:id`, ({ params, caller }) =>
      modelInfo(options.models.one(params.id, caller.models)),
    );
  });
}

/** Clients look at these paths, without a key, to see whether the server is there. */
export function mountMessagesProbes(server: FastifyInstance): void {
  for (const path of [base, `${base}/api/hello`]) server.get(path, () => ({}));
}

/** Strings, as a query has them. */
export interface ListQuery {
  limit?: string;
  after_id?: string;
  before_id?: string;
}

interface ModelInfo {
  id: string;
  created_at: string;
  display_name: string;
  type: "model";
}

interface ModelList {
  data: ModelInfo[];
  first_id: string | null;
  has_more: boolean;
  last_id: string | null;
}

const defaultLimit = 20;
const maxLimit = 1_000;

/** One page. Throws `invalid` for a limit that is none and for ids that are not listed. */
export function modelList(rows: readonly ModelRow[], query: ListQuery): ModelList {
  const limit = query.limit === undefined ? defaultLimit : Number(query.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit) {
    throw invalid("limit", `must be an integer from 1 to ${maxLimit}`);
  }
  const place = (name: "after_id" | "before_id"): number | undefined => {
    const id = query[name];
    if (id === undefined) return undefined;
    const index = rows.findIndex((row) => row.id === id);
    if (index < 0) throw invalid(name, "is not the id of a model");
    return index;
  };
  const [after, before] = [place("after_id"), place("before_id")];
  const from = rows.slice(after === undefined ? 0 : after + 1, before);
  const page = after === undefined && before !== undefined ? from.slice(-limit) : from.slice(0, limit);
  return {
    data: page.map(modelInfo),
    first_id: page[0]?.id ?? null,
    has_more: page.length < from.length,
    last_id: page.at(-1)?.id ?? null,
  };
}

export function modelInfo({ id, created }: ModelRow): ModelInfo {
  const createdAt = new Date(created * 1000).toISOString().replace(".000", "");
  return { id, created_at: createdAt, display_name: id, type: "model" };
}
