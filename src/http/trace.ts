import type { FastifyReply } from "fastify";

/** Names under which clients look for the trace id (spec sheet 4.3). */
export function traceHeaders(reply: FastifyReply): Record<string, string> {
  return { "trace-id": reply.request.id, "x-request-id": reply.request.id };
}
