import type { RateLimitStatus, Remaining } from "../model/limit.ts";
import { windowSeconds, type LimitAnswer, type LimitClaim, type LimitStore } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import { bounded, isLimited, limitError, MemoryLimiter, tightest } from "./limiter.ts";
import type { Limited, Limiter, Reservation } from "./limiter.ts";

/**
 * How much, for several processes on one PostgreSQL. Fails closed: when the database cannot be asked, the request is
 * refused with its error; a truth that cannot be told leaves the estimate standing until its minute is over. A process
 * that dies gives its streams back after 30 seconds. `growth` is watched by each process on its own.
 */
export interface SharedLimiterOptions {
  /** Closed with the limiter. */
  store: LimitStore;
  log: Log;
  /** A new id for every reservation. */
  id(): string;
}

const renewMs = 10_000;

type Asked = LimitClaim & { what: "streams" | "requests" | "tokens"; of: Limited };

export class SharedLimiter implements Limiter {
  // fixed at birth
  private readonly options: SharedLimiterOptions;
  private readonly growth = new MemoryLimiter();
  private readonly timer: NodeJS.Timeout;
  // changed by events
  private readonly open = new Set<string>();
  private readonly telling = new Set<Promise<void>>();

  constructor(options: SharedLimiterOptions) {
    this.options = options;
    this.timer = setInterval(() => this.tell(this.keep()), renewMs);
    this.timer.unref();
  }

  async reserve(all: readonly Limited[], estimate: number): Promise<Reservation> {
    const limited = all.filter(isLimited);
    (await this.growth.reserve(limited.map(growthOnly), 0)).settle(0);
    const asked = limited.flatMap((one) => claimsOf(one, estimate));
    if (asked.length === 0) return { rateLimit: {}, leave: () => undefined, settle: () => undefined };
    const id = this.options.id();
    const answer = await this.options.store.claim(asked.map(claimOf), id);
    const rateLimit = rateLimitStatus(asked, answer);
    const refused = asked[answer.refused];
    if (refused !== undefined) throw limitError(refused.of, { what: refused.what, wait: answer.wait, rateLimit });
    if (asked.some(({ kind }) => kind === "stream")) this.open.add(id);
    const leave = (): void => {
      if (this.open.delete(id)) this.tell(this.options.store.release([id]));
    };
    let open = true;
    const settle = (tokens: number): void => {
      leave();
      if (open) this.tell(this.options.store.correct(corrections(asked, answer.slot, tokens)));
      open = false;
    };
    return { rateLimit, leave, settle };
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.told();
    await this.growth.close();
    await this.options.store.close();
  }

  /** Resolves when the database has heard of everything that ended so far. */
  async told(): Promise<void> {
    await Promise.all(this.telling);
  }

  private async keep(): Promise<void> {
    if (this.open.size > 0) await this.options.store.renew([...this.open]);
    await this.options.store.sweep();
  }

  private tell(work: Promise<void>): void {
    const told = work
      .catch((error: unknown) => this.options.log.error({ err: error }, "shared limits could not be told"))
      .finally(() => this.telling.delete(told));
    this.telling.add(told);
  }
}

function growthOnly({ name, limits }: Limited): Limited {
  return { name, limits: limits.growth === undefined ? {} : { growth: limits.growth } };
}

function claimsOf(of: Limited, estimate: number): Asked[] {
  const { streams, requestsPerMinute, tokensPerMinute } = of.limits;
  const claims: Asked[] = [];
  const add = (what: Asked["what"], most: number | undefined, amount: number): void => {
    const kind = what === "streams" ? "stream" : "window";
    if (most !== undefined) claims.push({ name: `${what} ${of.name}`, kind, amount, most, what, of });
  };
  add("streams", streams, 1);
  add("requests", requestsPerMinute, 1);
  add("tokens", tokensPerMinute, bounded(estimate, of.limits));
  return claims;
}

function corrections(asked: readonly Asked[], slot: number, tokens: number): Parameters<LimitStore["correct"]>[0] {
  const counted = asked.filter(({ what }) => what === "tokens");
  return counted.map(({ name, amount }) => ({ name, slot, by: tokens - amount })).filter(({ by }) => by !== 0);
}

function claimOf({ name, kind, amount, most }: Asked): LimitClaim {
  return { name, kind, amount, most };
}

function rateLimitStatus(asked: readonly Asked[], { refused, used }: LimitAnswer): RateLimitStatus {
  const left = (what: Asked["what"]): Remaining | undefined =>
    tightest(
      asked.map((claim, index) => {
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
  const requests = left("requests");
  const tokens = left("tokens");
  return { ...(requests === undefined ? {} : { requests }), ...(tokens === undefined ? {} : { tokens }) };
}
