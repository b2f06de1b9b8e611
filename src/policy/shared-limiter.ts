import { formatSubject } from "../model/account.ts";
import { windowSeconds, type RateLimitStatus, type Remaining } from "../model/limit.ts";
import type { LimitAnswer, LimitClaim, LimitStore } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import { boundedEstimate, isLimited, limitError, MemoryLimiter, smallestEstimate, tightest } from "./limiter.ts";
import type { Limited, Limiter, Reservation } from "./limiter.ts";

/**
 * How much, for several processes on one PostgreSQL. Fails closed: when the database does not answer, the request is
 * refused with its error; a commit that fails leaves the estimate in place until its minute is over. The streams of a
 * process that dies are leases that run out after 30 seconds. `growth` is watched by each process on its own.
 */
export interface SharedLimiterOptions {
  /** Closed with the limiter. */
  store: Omit<LimitStore, "money">;
  log: Log;
  /** A new id for every reservation. */
  id(): string;
}

/** How often the leases of streams are renewed; a third of their life. */
const renewMs = 10_000;

type Claim = LimitClaim & { what: "streams" | "requests" | "tokens"; of: Limited };

export class SharedLimiter implements Limiter {
  // fixed at birth
  private readonly options: SharedLimiterOptions;
  private readonly growth = new MemoryLimiter();
  private readonly timer: NodeJS.Timeout;
  // changed by events
  /** Reservations that hold a stream; their leases are renewed until `releaseStream` removes them. */
  private readonly streaming = new Set<string>();
  /** Writes to the database that no one waits for; `write` adds them, their end removes them. */
  private readonly writing = new Set<Promise<void>>();

  constructor(options: SharedLimiterOptions) {
    this.options = options;
    this.timer = setInterval(() => this.write(this.renew()), renewMs);
    this.timer.unref();
  }

  async reserve(all: readonly Limited[], estimate: number): Promise<Reservation> {
    const limited = all.filter(isLimited);
    (await this.growth.reserve(limited.map(growthOnly), 0)).commit(0);
    const claims = limited.flatMap((one) => claimsOf(one, estimate));
    if (claims.length === 0) return { rateLimit: {}, releaseStream: () => undefined, commit: () => undefined };
    const id = this.options.id();
    const answer = await this.options.store.claim(claims.map(claimOf), id);
    refuse(claims, answer);
    const rateLimit = rateLimitStatus(claims, answer);
    if (claims.some(({ kind }) => kind === "stream")) this.streaming.add(id);
    const releaseStream = (): void => {
      if (this.streaming.delete(id)) this.write(this.options.store.release([id]));
    };
    let open = true;
    const commit = (tokens: number): void => {
      releaseStream();
      if (open) this.write(this.options.store.correct(corrections(claims, answer.slot, tokens)));
      open = false;
    };
    return { rateLimit, releaseStream, commit };
  }

  async check(all: readonly Limited[]): Promise<void> {
    const limited = all.filter(isLimited);
    await this.growth.check(limited.map(growthOnly));
    const claims = limited.flatMap((one) => claimsOf(one, smallestEstimate));
    if (claims.length > 0) refuse(claims, await this.options.store.peek(claims.map(claimOf)));
  }

  async left(all: readonly Limited[]): Promise<RateLimitStatus> {
    const claims = all.filter(isLimited).flatMap((one) => claimsOf(one, smallestEstimate));
    if (claims.length === 0) return {};
    const answer = { ...(await this.options.store.peek(claims.map(claimOf))), refused: 0 };
    return { ...rateLimitStatus(claims, answer), streams: leftOf("streams", claims, answer) };
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
    await this.growth.close();
    await this.options.store.close();
  }

  /** Resolves when everything that ended so far is written. */
  async flush(): Promise<void> {
    await Promise.all(this.writing);
  }

  private async renew(): Promise<void> {
    if (this.streaming.size > 0) await this.options.store.renew([...this.streaming]);
    await this.options.store.sweep();
  }

  private write(work: Promise<void>): void {
    const written = work
      .catch((error: unknown) => this.options.log.error({ err: error }, "shared limits could not be written"))
      .finally(() => this.writing.delete(written));
    this.writing.add(written);
  }
}

function growthOnly({ subject, limits }: Limited): Limited {
  return { subject, limits: limits.growth === undefined ? {} : { growth: limits.growth } };
}

function claimsOf(of: Limited, estimate: number): Claim[] {
  const { streams, requestsPerMinute, tokensPerMinute } = of.limits;
  const claims: Claim[] = [];
  const add = (what: Claim["what"], most: number | undefined, amount: number): void => {
    const kind = what === "streams" ? "stream" : "window";
    if (most !== undefined) claims.push({ name: `${what} ${formatSubject(of.subject)}`, kind, amount, most, what, of });
  };
  add("streams", streams, 1);
  add("requests", requestsPerMinute, 1);
  add("tokens", tokensPerMinute, boundedEstimate(estimate, of.limits));
  return claims;
}

/** Throws where a claim does not fit. */
function refuse(claims: readonly Claim[], answer: LimitAnswer): void {
  const refused = claims[answer.refused];
  if (refused === undefined) return;
  const rateLimit = rateLimitStatus(claims, answer);
  throw limitError(refused.of, { what: refused.what, wait: answer.wait, rateLimit });
}

function corrections(claims: readonly Claim[], slot: number, tokens: number): Parameters<LimitStore["correct"]>[0] {
  const counted = claims.filter(({ what }) => what === "tokens");
  return counted.map(({ name, amount }) => ({ name, slot, by: tokens - amount })).filter(({ by }) => by !== 0);
}

function claimOf({ name, kind, amount, most }: Claim): LimitClaim {
  return { name, kind, amount, most };
}

function rateLimitStatus(claims: readonly Claim[], answer: LimitAnswer): RateLimitStatus {
  return { requests: leftOf("requests", claims, answer), tokens: leftOf("tokens", claims, answer) };
}

function leftOf(what: Claim["what"], claims: readonly Claim[], { refused, used }: LimitAnswer): Remaining | undefined {
  return tightest(
    claims.map((claim, index) => {
      if (claim.what !== what) return undefined;
      const before = used[index] ?? { amount: 0, reset: 0 };
      const taken = refused < 0 ? claim.amount : 0;
      return {
        limit: claim.most,
        remaining: Math.max(0, claim.most - before.amount - taken),
        reset: taken > 0 ? windowSeconds : before.reset,
      };
    }),
  );
}
