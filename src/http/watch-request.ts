import type { FastifyReply, FastifyRequest } from "fastify";
import type { RequestWatch } from "../telemetry/watch.ts";
import { statusOf } from "./status.ts";

/** Tells the watch of one request, from its arrival until its answer is sent or its connection gone. */
export function watchRequest(watch: RequestWatch, request: FastifyRequest, reply: FastifyReply): void {
  const { traceparent } = request.headers;
  watch.begin({
    id: request.id,
    method: request.method,
    traceparent: typeof traceparent === "string" ? traceparent : undefined,
  });
  const { localAddress, localPort } = request.socket;
  const response = reply.raw;
  response.once("close", () => {
    watch.end(request.id, {
      route: request.routeOptions.url,
      status: statusOf(response),
      complete: response.writableFinished,
      error: request.errorKind,
      keyId: (request.caller as typeof request.caller | undefined)?.keyId,
      address: localAddress,
      port: localPort,
    });
  });
}
