import type { FastifyInstance } from "fastify";
import type { ModelService } from "../service/model.ts";

/** `GET /v1/models` and `GET /v1/models/{id}` (MiniMax API docs, models, 2026-08). */
export function mountModels(server: FastifyInstance, models: ModelService): void {
  server.get("/v1/models", ({ caller }) => ({ object: "list", data: models.list(caller.models) }));
  server.get<{ Params: { id: string } }>("/v1/models/:id", (request) =>
    models.one(request.params.id, request.caller.models),
  );
}
