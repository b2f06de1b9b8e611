import type { FastifyInstance } from "fastify";
import { useErrors } from "../server.ts";
import { mountCreate, type ResponsesRouteOptions } from "./create-route.ts";
import { mountStored } from "./stored-route.ts";

/** Everything under `/v1/responses` but its WebSocket, in a scope that answers errors in the surface's form. */
export async function mountResponses(server: FastifyInstance, options: ResponsesRouteOptions): Promise<void> {
  await server.register(async (scope) => {
    useErrors(scope, options.surface.error.bind(options.surface), options.log);
    mountCreate(scope, options);
    mountStored(scope, options);
  });
}
