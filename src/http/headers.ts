import type { IncomingMessage } from "node:http";
import type { FastifyReply } from "fastify";
import type { RateLimitStatus, Remaining } from "../model/limit.ts";
import type { Origin } from "../policy/authenticate.ts";
import type { AnswerFacts } from "../service/generation.ts";

/** The request's id under the names by which clients look for it (MiniMax API docs, errors: `trace-id`; Anthropic's SDK: `request-id`). */
export function traceHeaders(reply: FastifyReply): Record<string, string> {
  const { id } = reply.request;
  return { "trace-id": id, "x-request-id": id, "request-id": id };
}

/**
 * How an answer was made: what the caller may still use; the server's own share of the time to the first token
 * (`parley`) and the engine's (`engine`), in milliseconds; and which engine and replica answered, and why.
 */
export function answerHeaders({ rateLimit, timing, target, servedBy }: AnswerFacts): Record<string, string> {
  const replica =
    servedBy === undefined
      ? ""
      : `; replica=${servedBy.replica}; reason=${servedBy.reason}; attempt=${servedBy.attempt}`;
  return {
    ...rateLimitHeaders(rateLimit),
    "server-timing": `parley;dur=${timing.ownMs.toFixed(2)}, engine;dur=${timing.engineMs.toFixed(2)}`,
    "x-parley-route": `engine=${target.engineName}${replica}`.replaceAll(/[^\x20-\x7e]/g, "?"),
  };
}

/** What is left, as OpenAI's `x-ratelimit-*` headers; nothing where nothing is limited. */
export function rateLimitHeaders({ requests, tokens }: RateLimitStatus): Record<string, string> {
  return { ...remainingHeaders("requests", requests), ...remainingHeaders("tokens", tokens) };
}

function remainingHeaders(unit: string, left: Remaining | undefined): Record<string, string> {
  if (left === undefined) return {};
  return {
    [`x-ratelimit-limit-${unit}`]: String(left.limit),
    [`x-ratelimit-remaining-${unit}`]: String(left.remaining),
    [`x-ratelimit-reset-${unit}`]: `${Math.ceil(left.reset)}s`,
  };
}

/** Where a request comes from, as the socket and its proxies report it. */
export function callerOrigin({ socket, headers }: IncomingMessage): Origin {
  const forwarded = headers["x-forwarded-for"];
  return { address: socket.remoteAddress, forwardedFor: Array.isArray(forwarded) ? forwarded.join(",") : forwarded };
}
