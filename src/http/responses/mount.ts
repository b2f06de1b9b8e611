import type { FastifyInstance } from "fastify";
import { isObject, parseJson } from "../../model/json.ts";
import type { ResponseService } from "../../service/response.ts";
import { responsesSurface } from "../../surface/responses/index.ts";
import type { Log } from "../../telemetry/log.ts";
import { useErrors } from "../server.ts";
import { mountCreate } from "./create-route.ts";
import type { ResponsesRouteOptions } from "./create-route.ts";
import { mountStored } from "./stored-route.ts";

/** Everything under `/v1/responses` but its WebSocket. */
export async function mountResponses(server: FastifyInstance, options: ResponsesRouteOptions): Promise<void> {
  await server.register(async (scope) => {
    const surface = responsesSurface(options.surface);
    useErrors(scope, (error, requestId) => surface.error(error, requestId), options.log);
    mountCreate(scope, options);
    mountStored(scope, options);
  });
}

/** Responses that were running when the process before this one ended, end as failed. */
export async function endOrphans(responses: ResponseService, log: Log): Promise<void> {
  const count = await responses.endOrphans((record) => {
    const body = parseJson(record.body);
    const error = { code: "server_error", message: "the server stopped before the answer was complete (1000)" };
    return JSON.stringify({ ...(isObject(body) ? body : {}), status: "failed", error });
  });
  if (count > 0) log.warn({ count }, "responses of an earlier run ended as failed");
}
