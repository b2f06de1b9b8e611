import { ParleyError } from "../model/error.ts";
import type { RateLimitStatus, Limits, Remaining } from "../model/limit.ts";
import { MinuteWindow } from "./minute-window.ts";

/**
 * How much. An estimate is reserved before any work and the truth settled after it, also after an abort. The limiter of
 * one process cannot fail: it holds its counts in memory. They begin at nothing with every start.
 */

/** Somebody or something with limits: `key:<id>`, `organisation:<id>` or `model:<name>`. */
export interface Limited {
  name: string;
  limits: Limits;
}

export interface Reservation {
  rateLimit: RateLimitStatus;
  /** The stream is over, what it used not known yet. */
  leave: () => void;
  /** Ends it and tells the tokens that were really used. Only the first call counts. */
  settle: (tokens: number) => void;
}

export interface Limiter {
  /**
   * Takes one request, one stream and the estimated tokens from everyone, or from nobody: then it throws
   * `connection-limit`, `growth-limit` or `rate-limit` with the seconds to wait. An estimate above a limit counts as
   * that limit, so that one large request can pass when nothing else does.
   */
  reserve(all: readonly Limited[], estimate: number): Promise<Reservation>;
  close(): Promise<void>;
}

/** Requests of ten seconds that `growth` always lets through. */
const growthFloor = 10;
const growthSeconds = 10;
/** Seconds after which a stream may have ended. */
const streamWait = 1;
/** With more counters than this, those that count nothing are dropped now and then. */
const manyCounters = 1_000;
const sweepMs = 60_000;

export function isLimited({ limits }: Limited): boolean {
  return Object.keys(limits).length > 0;
}

interface Counter {
  requests: MinuteWindow;
  tokens: MinuteWindow;
  streams: number;
}

type Held = Limited & { counter: Counter };

/** `now`: milliseconds that never go back. */
export class MemoryLimiter implements Limiter {
  // fixed at birth
  private readonly now: () => number;
  // changed by events
  private readonly counters = new Map<string, Counter>();
  private sweptAt = 0;

  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  async reserve(all: readonly Limited[], estimate: number): Promise<Reservation> {
    const now = this.now();
    this.sweep(now);
    const held = all.filter(isLimited).map((one) => ({ ...one, counter: this.counter(one.name) }));
    for (const one of held) refuse(one, estimate, now);
    const taken = held.map((one) => {
      const { counter } = one;
      const tokens = bounded(estimate, one.limits);
      counter.streams += 1;
      counter.requests.add(1, now);
      return { counter, tokens, slot: counter.tokens.add(tokens, now) };
    });
    let [streaming, open] = [true, true];
    const leave = (): void => {
      if (streaming) for (const { counter } of taken) counter.streams -= 1;
      streaming = false;
    };
    const settle = (tokens: number): void => {
      leave();
      if (!open) return;
      open = false;
      const later = this.now();
      for (const { counter, tokens: reserved, slot } of taken) {
        if (tokens < reserved) counter.tokens.takeBack(reserved - tokens, slot, later);
        else counter.tokens.add(tokens - reserved, later);
      }
    };
    return { rateLimit: rateLimitStatus(held, now), leave, settle };
  }

  async close(): Promise<void> {
    this.counters.clear();
  }

  /** How many are being counted. */
  get size(): number {
    return this.counters.size;
  }

  private counter(name: string): Counter {
    const known = this.counters.get(name);
    if (known !== undefined) return known;
    const made = { requests: new MinuteWindow(), tokens: new MinuteWindow(), streams: 0 };
    this.counters.set(name, made);
    return made;
  }

  private sweep(now: number): void {
    if (this.counters.size <= manyCounters || now - this.sweptAt < sweepMs) return;
    this.sweptAt = now;
    for (const [name, { streams, requests, tokens }] of this.counters) {
      if (streams === 0 && requests.used(now) === 0 && tokens.used(now) === 0) this.counters.delete(name);
    }
  }
}

/** Throws when one more request does not fit. */
function refuse(held: Held, estimate: number, now: number): void {
  const { limits, counter } = held;
  const { requestsPerMinute, tokensPerMinute, streams, growth } = limits;
  const refusal = (what: keyof typeof refusals, wait: number): ParleyError =>
    limitError(held, { what, wait, rateLimit: rateLimitStatus([held], now) });
  if (streams !== undefined && counter.streams >= streams) throw refusal("streams", streamWait);
  if (growth !== undefined && tooFast(counter.requests, growth, now)) throw refusal("growth", growthSeconds);
  if (requestsPerMinute !== undefined && counter.requests.used(now) + 1 > requestsPerMinute) {
    throw refusal("requests", counter.requests.wait(requestsPerMinute - 1, now) / 1000);
  }
  if (tokensPerMinute === undefined) return;
  const level = tokensPerMinute - bounded(estimate, limits);
  if (counter.tokens.used(now) > level) throw refusal("tokens", counter.tokens.wait(level, now) / 1000);
}

function tooFast(requests: MinuteWindow, growth: number, now: number): boolean {
  const before = requests.sum(growthSeconds, growthSeconds, now);
  return requests.sum(growthSeconds, 0, now) + 1 > Math.max(growthFloor, growth * before);
}

const refusals = {
  streams: { kind: "connection-limit", text: ({ streams }: Limits) => `connection limit: ${streams} answers at once` },
  growth: { kind: "growth-limit", text: () => "rate growth limit: requests grow too fast" },
  requests: {
    kind: "rate-limit",
    text: ({ requestsPerMinute }: Limits) => `rate limit: ${requestsPerMinute} requests per minute`,
  },
  tokens: {
    kind: "rate-limit",
    text: ({ tokensPerMinute }: Limits) => `rate limit: ${tokensPerMinute} tokens per minute`,
  },
} as const;

export interface Refusal {
  what: keyof typeof refusals;
  /** Seconds. */
  wait: number;
  rateLimit: RateLimitStatus;
}

/** Says which limit refused, and whose: of the key, the organisation or the model. */
export function limitError({ name, limits }: Limited, { what, wait, rateLimit }: Refusal): ParleyError {
  const { kind, text } = refusals[what];
  const whose = name.split(":")[0] ?? "";
  return new ParleyError(kind, `${text(limits)} (${whose})`, { retryAfter: Math.max(wait, 0.001), rateLimit });
}

/** An estimate that no limit could ever hold counts as the limit. */
export function bounded(estimate: number, { tokensPerMinute }: Limits): number {
  return Math.min(estimate, tokensPerMinute ?? estimate);
}

function rateLimitStatus(held: readonly Held[], now: number): RateLimitStatus {
  const requests = tightest(
    held.map(({ limits, counter }) => remaining(limits.requestsPerMinute, counter.requests, now)),
  );
  const tokens = tightest(held.map(({ limits, counter }) => remaining(limits.tokensPerMinute, counter.tokens, now)));
  return { ...(requests === undefined ? {} : { requests }), ...(tokens === undefined ? {} : { tokens }) };
}

function remaining(limit: number | undefined, window: MinuteWindow, now: number): Remaining | undefined {
  if (limit === undefined) return undefined;
  return { limit, remaining: Math.max(0, limit - window.used(now)), reset: window.wait(0, now) / 1000 };
}

export function tightest(all: readonly (Remaining | undefined)[]): Remaining | undefined {
  const told = all.filter((one) => one !== undefined);
  return told.toSorted((a, b) => a.remaining - b.remaining)[0];
}
