import type { RateLimitStatus, Remaining } from "../model/limit.ts";

/** What is left, under the names that clients of such APIs read; nothing of what is not limited. */
export function rateLimitHeaders({ requests, tokens }: RateLimitStatus): Record<string, string> {
  return { ...headersOf("requests", requests), ...headersOf("tokens", tokens) };
}

function headersOf(what: string, left: Remaining | undefined): Record<string, string> {
  if (left === undefined) return {};
  return {
    [`x-ratelimit-limit-${what}`]: String(left.limit),
    [`x-ratelimit-remaining-${what}`]: String(left.remaining),
    [`x-ratelimit-reset-${what}`]: `${Math.ceil(left.reset)}s`,
  };
}
