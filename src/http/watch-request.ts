import type { FastifyReply, FastifyRequest } from "fastify";
import type { RequestWatch } from "../telemetry/watch.ts";

/** What web servers write for a caller who left before there was an answer. */
const leftEarly = 499;

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
      status: response.headersSent ? response.statusCode : leftEarly,
      complete: response.writableFinished,
      keyId: (request.caller as typeof request.caller | undefined)?.keyId,
      address: localAddress,
      port: localPort,
    });
  });
}
