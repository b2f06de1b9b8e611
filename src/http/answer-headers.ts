import type { Generation } from "../service/generate.ts";
import { rateLimitHeaders } from "./rate-limit.ts";

/**
 * What an answer's headers tell of its making: what the caller may still use, our own share of the time to the first
 * token (`parley`) and the engine's (`engine`), in milliseconds, and which engine and replica answered, and why.
 */
export function answerHeaders({ rateLimit, timing, target, route }: AnswerFacts): Record<string, string> {
  const replica =
    route === undefined ? "" : `; replica=${route.replica}; reason=${route.reason}; attempt=${route.attempt}`;
  return {
    ...rateLimitHeaders(rateLimit),
    "server-timing": `parley;dur=${timing.ownMs.toFixed(2)}, engine;dur=${timing.engineMs.toFixed(2)}`,
    "x-parley-route": `engine=${target.engineName}${replica}`.replaceAll(/[^\x20-\x7e]/g, "?"),
  };
}

export type AnswerFacts = Pick<Generation, "rateLimit" | "timing" | "target" | "route">;
