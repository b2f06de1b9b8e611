import type { IncomingHttpHeaders } from "node:http";
import type { FastifyInstance } from "fastify";
import type { ModelService } from "../service/model.ts";
import { modelInfo, modelList, type ListQuery } from "./messages-route.ts";

/** Anthropic's SDKs name their version in every request; they get the list in the form they know. */
function isAnthropic(headers: IncomingHttpHeaders): boolean {
  return headers["anthropic-version"] !== undefined;
}

/** `GET /v1/models` and `GET /v1/models/{id}` (MiniMax API docs, models, 2026-08). */
export function mountModels(server: FastifyInstance, models: ModelService): void {
  server.get<{ Querystring: ListQuery }>("/v1/models", ({ caller, headers, query }) => {
    const rows = models.list(caller.models);
    return isAnthropic(headers) ? modelList(rows, query) : { object: "list", data: rows };
  });
  server.get<{ Params: { id: string } }>("/v1/models/:id", ({ caller, headers, params }) => {
    const row = models.one(params.id, caller.models);
    return isAnthropic(headers) ? modelInfo(row) : row;
  });
}
