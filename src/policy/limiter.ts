import { formatSubject, type Subject } from "../model/account.ts";
import { ParleyError } from "../model/error.ts";
import type { RateLimitStatus, Limits, Remaining } from "../model/limit.ts";
import { MinuteWindow } from "./minute-window.ts";

/**
 * How much. An estimate is reserved before any work and what was really used is committed after it, also after an abort.
 * The limiter of one process cannot fail: it counts in memory, from zero with every start.
 */

/** A subject and the limits it is held to. */
export interface Limited {
  subject: Subject;
  limits: Limits;
}

export interface Reservation {
  rateLimit: RateLimitStatus;
  /** Gives the stream back while what it used is not known yet: the tokens stay reserved until `commit`. */
  releaseStream: () => void;
  /** Ends the reservation: the tokens that were really used replace the estimate. Only the first call counts. */
  commit: (tokens: number) => void;
}

export interface Limiter {
  /**
   * Takes one request, one stream and the estimated tokens from everyone, or from no one: then it throws
   * `connection-limit`, `growth-limit` or `rate-limit` with the seconds to wait. An estimate above a limit counts as
   * that limit, so that one large request can pass when nothing else does.
   */
  reserve(all: readonly Limited[], estimate: number): Promise<Reservation>;
  /** Throws what `reserve` would throw for the smallest request; takes nothing. */
  check(all: readonly Limited[]): Promise<void>;
  /** What is left of every kind of limit; takes nothing. */
  left(all: readonly Limited[]): Promise<RateLimitStatus>;
  close(): Promise<void>;
}

/** Requests that `growth` lets through in any span of ten seconds. */
const minGrowthRequests = 10;
const growthSeconds = 10;
/** Tokens of the smallest request. */
export const smallestEstimate = 1;
/** What `retryAfter` says where a stream must end first. */
const streamRetrySeconds = 1;
/** With more counters than this, those that count nothing are dropped once in `sweepMs`. */
const maxIdleCounters = 1_000;
const sweepMs = 60_000;

export function isLimited({ limits }: Limited): boolean {
  return Object.keys(limits).length > 0;
}

interface Counter {
  requests: MinuteWindow;
  tokens: MinuteWindow;
  /** Streams that are reserved and not released. */
  streams: number;
}

function freshCounter(): Counter {
  return { requests: new MinuteWindow(), tokens: new MinuteWindow(), streams: 0 };
}

type Held = Limited & { counter: Counter };

/** `now`: milliseconds that never go back. */
export class MemoryLimiter implements Limiter {
  // fixed at birth
  private readonly now: () => number;
  // changed by events
  /** By formatted subject; `reserve` makes them, `sweep` drops those that count nothing. */
  private readonly counters = new Map<string, Counter>();
  /** When `sweep` last looked at all counters, in milliseconds of `now`. */
  private sweptAt = 0;

  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  async reserve(all: readonly Limited[], estimate: number): Promise<Reservation> {
    const now = this.now();
    this.sweep(now);
    const held = all.filter(isLimited).map((one) => ({ ...one, counter: this.counter(formatSubject(one.subject)) }));
    for (const one of held) refuse(one, estimate, now);
    const taken = held.map((one) => {
      const { counter } = one;
      const tokens = boundedEstimate(estimate, one.limits);
      counter.streams += 1;
      counter.requests.add(1, now);
      return { counter, tokens, slot: counter.tokens.add(tokens, now) };
    });
    let [streaming, open] = [true, true];
    const releaseStream = (): void => {
      if (streaming) for (const { counter } of taken) counter.streams -= 1;
      streaming = false;
    };
    const commit = (used: number): void => {
      releaseStream();
      if (!open) return;
      open = false;
      const later = this.now();
      for (const { counter, tokens, slot } of taken) {
        if (used < tokens) counter.tokens.subtract(tokens - used, slot, later);
        else counter.tokens.add(used - tokens, later);
      }
    };
    return { rateLimit: rateLimitStatus(held, now), releaseStream, commit };
  }

  async check(all: readonly Limited[]): Promise<void> {
    const now = this.now();
    for (const one of all) {
      const counter = this.counters.get(formatSubject(one.subject));
      if (counter !== undefined) refuse({ ...one, counter }, smallestEstimate, now);
    }
  }

  async left(all: readonly Limited[]): Promise<RateLimitStatus> {
    const now = this.now();
    const held = all.map((one) => ({
      ...one,
      counter: this.counters.get(formatSubject(one.subject)) ?? freshCounter(),
    }));
    const streams = held.map(({ limits, counter }): Remaining | undefined =>
      limits.streams === undefined
        ? undefined
        : { limit: limits.streams, remaining: Math.max(0, limits.streams - counter.streams), reset: 0 },
    );
    return { ...rateLimitStatus(held, now), streams: tightest(streams) };
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
    const made = freshCounter();
    this.counters.set(name, made);
    return made;
  }

  private sweep(now: number): void {
    if (this.counters.size <= maxIdleCounters || now - this.sweptAt < sweepMs) return;
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
  if (streams !== undefined && counter.streams >= streams) throw refusal("streams", streamRetrySeconds);
  if (growth !== undefined && tooFast(counter.requests, growth, now)) throw refusal("growth", growthSeconds);
  if (requestsPerMinute !== undefined && counter.requests.used(now) + 1 > requestsPerMinute) {
    throw refusal("requests", counter.requests.wait(requestsPerMinute - 1, now) / 1000);
  }
  if (tokensPerMinute === undefined) return;
  const level = tokensPerMinute - boundedEstimate(estimate, limits);
  if (counter.tokens.used(now) > level) throw refusal("tokens", counter.tokens.wait(level, now) / 1000);
}

function tooFast(requests: MinuteWindow, growth: number, now: number): boolean {
  const before = requests.sum(growthSeconds, growthSeconds, now);
  return requests.sum(growthSeconds, 0, now) + 1 > Math.max(minGrowthRequests, growth * before);
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

/** The error names the limit that refused, and whose it is: of the key, the organisation or the model. */
export function limitError({ subject, limits }: Limited, { what, wait, rateLimit }: Refusal): ParleyError {
  const { kind, text } = refusals[what];
  return new ParleyError(kind, `${text(limits)} (${subject.kind})`, { retryAfter: Math.max(wait, 0.001), rateLimit });
}

/** An estimate above the limit counts as the limit: one large request passes when nothing else does. */
export function boundedEstimate(estimate: number, { tokensPerMinute }: Limits): number {
  return Math.min(estimate, tokensPerMinute ?? estimate);
}

function rateLimitStatus(held: readonly Held[], now: number): RateLimitStatus {
  const requests = tightest(
    held.map(({ limits, counter }) => remaining(limits.requestsPerMinute, counter.requests, now)),
  );
  const tokens = tightest(held.map(({ limits, counter }) => remaining(limits.tokensPerMinute, counter.tokens, now)));
  return { requests, tokens };
}

function remaining(limit: number | undefined, window: MinuteWindow, now: number): Remaining | undefined {
  if (limit === undefined) return undefined;
  return { limit, remaining: Math.max(0, limit - window.used(now)), reset: window.wait(0, now) / 1000 };
}

export function tightest(all: readonly (Remaining | undefined)[]): Remaining | undefined {
  const limited = all.filter((one) => one !== undefined);
  return limited.toSorted((a, b) => a.remaining - b.remaining)[0];
}
