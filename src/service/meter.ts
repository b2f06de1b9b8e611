import { subjectsOf, type Micros, type Price } from "../model/account.ts";
import type { Usage } from "../model/event.ts";
import { vendorId, type IdSource } from "../model/id.ts";
import type { Limits, RateLimitStatus } from "../model/limit.ts";
import { chargedOutcomes, type Outcome } from "../model/outcome.ts";
import type { Caller } from "../policy/authenticate.ts";
import type { Budgets, Unspent } from "../policy/budget.ts";
import type { AskedAccounts, Funds, MoneyReservation } from "../policy/funds.ts";
import { isLimited, type Limited, type Limiter, type Reservation } from "../policy/limiter.ts";
import { costOf, priceOf } from "../policy/price.ts";
import type { LedgerRow } from "../store/store.ts";
import type { LedgerWriter } from "./ledger.ts";

export interface MeterOptions {
  limiter: Limiter;
  funds: Funds;
  ledger: LedgerWriter;
  /** For keys and organisations without limits of their own, and for models over all keys. */
  limits: { key: Limits; organisation: Limits; models: Readonly<Record<string, Limits>> };
  prices: Readonly<Record<string, Price>>;
  budgets: Budgets;
  /** What an answer costs that the caller aborts: what was used until then, or nothing. */
  aborted: "partial" | "free";
  /** Called with every row that is booked. */
  booked?: ((row: LedgerRow) => void) | undefined;
  /** For the ids of ledger rows. */
  ids: IdSource;
  /** Milliseconds since the Unix epoch. */
  now: () => number;
}

/** What a changed configuration may change while requests run. */
export type MeterRules = Pick<MeterOptions, "limits" | "prices" | "budgets" | "aborted">;

/** Work that costs something: a generation, and later other kinds. */
export interface BillableWork {
  /** The request's id. */
  id: string;
  /** The name it is limited, priced and booked under. */
  model: string;
  tier: "standard" | "priority";
  /** Tokens it will likely use, input and output; asked only where a limit needs it. */
  estimate(): number;
  /** Tokens it can use at most; asked only where it has a price and an account is held to something. */
  most: () => { input: number; output: number };
}

/** What work used, reported once when it is over. */
export interface Used {
  /** The configured name of the engine that did it. */
  engine: string;
  outcome: Outcome;
  /** A promise where it still has to be counted; it must not reject. */
  usage: Usage | Promise<Usage>;
}

/** Work that was let in. Either `commit` or `release` must be called; only the first call counts. */
export interface Admission {
  /** What the caller may still use, for the answer's headers. */
  rateLimit: RateLimitStatus;
  /** Books what was used and returns the rest of the reservation. */
  commit(used: Used): void;
  /** The work did not begin: returns the whole reservation. */
  release(): void;
}

/** A larger count is an engine's mistake and is booked as 0. */
const maxTokens = 1_000_000_000;

/** Reserves work within limits and money, and books what it used. */
export class Meter {
  // changed by events
  /** Replaced by `adopt` when the configuration changes. */
  private options: MeterOptions;
  /** Usage that is still being counted. */
  private readonly counting = new Set<Promise<void>>();

  constructor(options: MeterOptions) {
    this.options = options;
  }

  /**
   * Throws `balance`, `rate-limit`, `connection-limit` or `growth-limit`, and whatever the store throws when it cannot
   * be read.
   */
  async reserve(work: BillableWork, caller: Caller): Promise<Admission> {
    const { funds, limiter } = this.options;
    const money = await funds.reserve({ ...this.accounts(caller), cost: () => this.mostCost(work) });
    const reservation = await this.reserveLimits(limiter, { work, caller }).catch((error: unknown) => {
      money.release();
      throw error;
    });
    let open = true;
    const once = (end: () => void): void => {
      if (open) end();
      open = false;
    };
    return {
      rateLimit: reservation.rateLimit,
      release: () =>
        once(() => {
          reservation.commit(0);
          money.release();
        }),
      commit: (used) => once(() => this.commit(used, { work, caller, reservation, money })),
    };
  }

  /**
   * Throws where the caller is refused whatever it asks for: its money is spent, or its requests, tokens or streams are
   * used up. Takes nothing, so that it can be called before a request is read.
   */
  async check(caller: Caller): Promise<void> {
    const { funds, limiter } = this.options;
    await Promise.all([funds.check(this.accounts(caller)), limiter.check(this.limitedCaller(caller))]);
  }

  /** What the caller may still spend and use; takes nothing. */
  async left(caller: Caller): Promise<{ accounts: Unspent[]; limits: RateLimitStatus }> {
    const { funds, limiter } = this.options;
    const [accounts, limits] = await Promise.all([
      funds.left(this.accounts(caller)),
      limiter.left(this.limitedCaller(caller)),
    ]);
    return { accounts, limits };
  }

  /** Uses these rules from now on; work under way is booked by them too. */
  adopt({ limits, prices, budgets, aborted }: MeterRules): void {
    this.options = { ...this.options, limits, prices, budgets, aborted };
  }

  /** Books what processes that ended could not. */
  bookLeft(): Promise<void> {
    return this.options.ledger.bookLeft();
  }

  /** Resolves when everything that was used is in the store. */
  async close(): Promise<void> {
    await Promise.all(this.counting);
    await this.options.ledger.close();
    // the limiter closes the database that both count in
    await this.options.funds.close();
    await this.options.limiter.close();
  }

  private reserveLimits(limiter: Limiter, { work, caller }: Pick<Reserved, "work" | "caller">): Promise<Reservation> {
    const ofModel = { subject: { kind: "model" as const, id: work.model }, limits: this.modelLimits(work.model) };
    const limited = [...this.limitedCaller(caller), ofModel].filter(isLimited);
    const counts = limited.some(({ limits }) => limits.tokensPerMinute !== undefined);
    return limiter.reserve(limited, counts ? work.estimate() : 0);
  }

  private modelLimits(model: string): Limits {
    return this.options.limits.models[model] ?? {};
  }

  private accounts(caller: Caller): AskedAccounts {
    const { budgets, now } = this.options;
    return { subjects: subjectsOf(caller), at: now(), budgets };
  }

  private mostCost({ model, tier, most }: BillableWork): Micros {
    const price = priceOf(model, this.options.prices);
    return price === undefined ? 0 : costOf(price, { ...most(), cached: 0, reasoning: 0 }, tier);
  }

  private limitedCaller(caller: Caller): Limited[] {
    const { limits } = this.options;
    const all: Limited[] = [
      { subject: { kind: "key", id: caller.keyId }, limits: { ...limits.key, ...caller.limits } },
    ];
    if (caller.organisation !== undefined) {
      const own = { ...limits.organisation, ...caller.organisationLimits };
      all.push({ subject: { kind: "organisation", id: caller.organisation }, limits: own });
    }
    return all.filter(isLimited);
  }

  private commit(used: Used, reserved: Reserved): void {
    const { usage } = used;
    if (!(usage instanceof Promise)) return this.book(used, usage, reserved);
    reserved.reservation.releaseStream();
    const counting = usage
      .then((counted) => this.book(used, counted, reserved))
      .finally(() => this.counting.delete(counting));
    this.counting.add(counting);
  }

  private book({ engine, outcome }: Used, reported: Usage, { work, caller, reservation, money }: Reserved): void {
    const usage = wholeUsage(reported);
    reservation.commit(usage.input + usage.output);
    const { prices, aborted, ledger, now, booked } = this.options;
    const price = priceOf(work.model, prices);
    const free = price === undefined || !chargedOutcomes.has(outcome) || (outcome === "canceled" && aborted === "free");
    const row: LedgerRow = {
      id: vendorId(this.options.ids),
      request: work.id,
      at: now(),
      keyId: caller.keyId,
      organisation: caller.organisation ?? null,
      model: work.model,
      engine,
      tier: work.tier,
      outcome,
      ...usage,
      cost: free ? 0 : costOf(price, usage, work.tier),
    };
    money.settle(row.cost);
    ledger.add(row, () => money.release());
    booked?.(row);
  }
}

/** Counts that can be booked: an engine may report anything. */
function wholeUsage({ input, cached, output, reasoning }: Usage): Usage {
  return { input: whole(input), cached: whole(cached), output: whole(output), reasoning: whole(reasoning) };
}

function whole(count: number): number {
  return count > 0 && count < maxTokens ? Math.round(count) : 0;
}

interface Reserved {
  work: BillableWork;
  caller: Caller;
  reservation: Reservation;
  money: MoneyReservation;
}
