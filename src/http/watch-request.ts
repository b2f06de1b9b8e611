import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { RequestWatch } from "../telemetry/watch.ts";
import { requestPath } from "./path.ts";

/** What web servers log for a caller who left before there was an answer (nginx). */
const clientClosedRequest = 499;

/** The status of an answer that is over. */
export function statusOf(response: ServerResponse): number {
  return response.headersSent ? response.statusCode : clientClosedRequest;
}

/** Words that paths of this API and of those it is taken for are made of; all else may be an id, a token or a key. */
const pathWords: ReadonlySet<string> = new Set(
  "v1 v2 v3 api openai chat completions completion responses messages models embeddings files upload anthropic admin generate health healthz metrics props tags version"
    .split(" ")
    .concat(""),
);
/** Segments of a path that a line shows. */
const maxSegments = 8;

/** An unknown path, so that a wrong base URL can be found: its known words, without all that could be a secret. */
function shownPath(target: string): string {
  const segments = requestPath(target).split("/").slice(0, maxSegments);
  return segments.map((segment) => (pathWords.has(segment) ? segment : "...")).join("/");
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
  response.on("close", () => {
    watch.end(request.id, {
      route: request.routeOptions.url,
      path: request.routeOptions.url === undefined ? shownPath(request.url) : undefined,
      status: statusOf(response),
      complete: response.writableFinished,
      error: request.errorKind,
      reason: request.errorReason,
      keyId: (request.caller as typeof request.caller | undefined)?.keyId,
      address: localAddress,
      port: localPort,
    });
  });
}
