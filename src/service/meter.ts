import { monthOf, subjectsOf, type Price } from "../model/account.ts";
import type { Usage } from "../model/event.ts";
import { systemIds, vendorId } from "../model/id.ts";
import type { RateLimitStatus, Limits } from "../model/limit.ts";
import { chargedOutcomes } from "../model/outcome.ts";
import type { GenerationRequest } from "../model/request.ts";
import { estimateTokens } from "../model/token-estimate.ts";
import type { Caller } from "../policy/authenticate.ts";
import { refuseSpent, type Budgets } from "../policy/budget.ts";
import { isLimited, type Limited, type Limiter, type Reservation } from "../policy/limiter.ts";
import { costOf, priceOf } from "../policy/price.ts";
import type { AccountStore, LedgerRow } from "../store/store.ts";
import type { LedgerWriter } from "./ledger.ts";
import { measure, type Unmeasured } from "./partial.ts";

export interface MeterOptions {
  limiter: Limiter;
  ledger: LedgerWriter;
  accounts: AccountStore;
  /** Of keys and organisations without their own, and of models over all keys. */
  limits: { key: Limits; organisation: Limits; models: Readonly<Record<string, Limits>> };
  prices: Readonly<Record<string, Price>>;
  budgets: Budgets;
  /** What an answer costs that the caller breaks off. */
  aborted: "partial" | "free";
  /** Told of every row that is booked. */
  booked?: (row: LedgerRow) => void;
  /** Milliseconds since the Unix epoch. */
  now: () => number;
}

/** What a changed configuration may change while requests run. */
export type MeterRules = Pick<MeterOptions, "limits" | "prices" | "budgets" | "aborted">;

/** How an answer ended. */
export interface Outcome extends Unmeasured {
  /** A finish reason, `canceled`, or the kind of the error that ended it. */
  how: string;
  /** What the engine told; absent when it could not. */
  usage?: Usage;
}

/** The leave to generate once. One of its two ends must be called; only the first call counts. */
export interface Admission {
  rateLimit: RateLimitStatus;
  /** No engine began: nothing was used. */
  release(): void;
  settle(outcome: Outcome): void;
}

/** A count beyond it is nonsense. */
const mostTokens = 1_000_000_000;

/** Admits requests within limits and money, and books what they used. */
export class Meter {
  // changed by events
  private options: MeterOptions;
  private readonly measuring = new Set<Promise<void>>();

  constructor(options: MeterOptions) {
    this.options = options;
  }

  /**
   * `model`: the name it is limited, priced and booked under. Throws `balance`, `rate-limit`, `connection-limit` or
   * `growth-limit`, and whatever the store throws when it cannot be asked.
   */
  async admit(request: GenerationRequest, caller: Caller, model: string): Promise<Admission> {
    const { accounts, budgets, ledger, limiter } = this.options;
    const records = await accounts.read(subjectsOf(caller), monthOf(this.options.now()));
    refuseSpent(records, budgets, (subject) => ledger.pending(subject));
    const limited = this.limited(caller, model);
    const counts = limited.some(({ limits }) => limits.tokensPerMinute !== undefined);
    const reservation = await limiter.reserve(limited, counts ? estimateTokens(request) : 0);
    let open = true;
    return {
      rateLimit: reservation.rateLimit,
      release: () => {
        open = false;
        reservation.commit(0);
      },
      settle: (outcome) => {
        if (!open) return;
        open = false;
        this.settle(outcome, { caller, model, reservation });
      },
    };
  }

  /** Holds requests to these rules from now on; what is under way is booked by them too. */
  adopt({ limits, prices, budgets, aborted }: MeterRules): void {
    this.options = { ...this.options, limits, prices, budgets, aborted };
  }

  /** Resolves when all that was used is in the store. */
  async close(): Promise<void> {
    await Promise.all(this.measuring);
    await this.options.ledger.close();
    await this.options.limiter.close();
  }

  private limited(caller: Caller, model: string): Limited[] {
    const { limits } = this.options;
    const all: Limited[] = [
      { subject: { kind: "key", id: caller.keyId }, limits: { ...limits.key, ...caller.limits } },
      { subject: { kind: "model", id: model }, limits: limits.models[model] ?? {} },
    ];
    if (caller.organisation !== undefined) {
      const own = { ...limits.organisation, ...caller.organisationLimits };
      all.push({ subject: { kind: "organisation", id: caller.organisation }, limits: own });
    }
    return all.filter(isLimited);
  }

  private settle(outcome: Outcome, admitted: Admitted): void {
    if (outcome.usage !== undefined) {
      this.book(outcome, outcome.usage, admitted);
      return;
    }
    admitted.reservation.releaseStream();
    const work = measure(outcome)
      .then((usage) => this.book(outcome, usage, admitted))
      .finally(() => this.measuring.delete(work));
    this.measuring.add(work);
  }

  private book({ request, target, how }: Outcome, told: Usage, { caller, model, reservation }: Admitted): void {
    const usage = wholeUsage(told);
    reservation.commit(usage.input + usage.output);
    const { prices, aborted, ledger, now, booked } = this.options;
    const price = priceOf(model, prices);
    const free = price === undefined || !chargedOutcomes.has(how) || (how === "canceled" && aborted === "free");
    const row: LedgerRow = {
      id: vendorId(systemIds),
      request: request.id,
      at: now(),
      keyId: caller.keyId,
      organisation: caller.organisation ?? null,
      model,
      engine: target.engineName,
      tier: request.tier,
      outcome: how,
      ...usage,
      cost: free ? 0 : costOf(price, usage, request.tier),
    };
    ledger.add(row);
    booked?.(row);
  }
}

/** Counts as they can be booked, whatever an engine told. */
function wholeUsage({ input, cached, output, reasoning }: Usage): Usage {
  return { input: whole(input), cached: whole(cached), output: whole(output), reasoning: whole(reasoning) };
}

function whole(count: number): number {
  return count > 0 && count < mostTokens ? Math.round(count) : 0;
}

interface Admitted {
  caller: Caller;
  model: string;
  reservation: Reservation;
}
