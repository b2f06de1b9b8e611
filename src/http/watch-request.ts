import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { RequestWatch } from "../telemetry/watch.ts";

/** What web servers log for a caller who left before there was an answer (nginx). */
const clientClosedRequest = 499;

/** The status of an answer that is over. */
export function statusOf(response: ServerResponse): number {
  return response.headersSent ? response.statusCode : clientClosedRequest;
}

/** Reports one request to the watch: its arrival, and its end when its answer is sent or its connection is gone. */
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
