/** How much one key, organisation or model may use; an absent field is no limit. */
export interface Limits {
  requestsPerMinute?: number;
  /** Input and output together, as the vendor counts them (MiniMax API docs, rate limits, 2026-08). */
  tokensPerMinute?: number;
  /** Answers under way at once. */
  streams?: number;
  /** How many times the requests of one ten-second span may exceed those of the span before; the vendor's code 2045. */
  growth?: number;
}

/** Seconds that a window of a limit per minute covers: sixty whole ones and the current one. */
export const windowSeconds = 61;

/** What is left of one kind of limit, the tightest where several apply. */
export interface Remaining {
  limit: number;
  remaining: number;
  /** Seconds until all of it is free again. */
  reset: number;
}

/** What a caller may still use; absent where nothing is limited. */
export interface RateLimitStatus {
  requests?: Remaining | undefined;
  tokens?: Remaining | undefined;
  /** Answers at once; known only where it is asked for, not with every answer. */
  streams?: Remaining | undefined;
}
