import type { FastifyInstance } from "fastify";
import { ParleyError, toParleyError } from "../model/error.ts";
import type { ModelService } from "../service/model.ts";

/** `GET /v1/models` and `GET /v1/models/{id}` (spec sheet 5). */
export function mountModels(server: FastifyInstance, models: ModelService): void {
  server.get("/v1/models", ({ caller }) => ({ object: "list", data: models.list(caller.models) }));
  server.get<{ Params: { id: string } }>("/v1/models/:id", (request) => {
    try {
      return models.one(request.params.id, request.caller.models);
    } catch (thrown) {
      throw new ParleyError("not-found", toParleyError(thrown).message);
    }
  });
}
