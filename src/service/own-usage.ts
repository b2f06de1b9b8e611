import { parseSubject, startOf, type Subject } from "../model/account.ts";
import type { RateLimitStatus } from "../model/limit.ts";
import type { Caller } from "../policy/authenticate.ts";
import type { Unspent } from "../policy/budget.ts";
import type { LedgerStore, UsageQuery, UsageRow } from "../store/store.ts";
import { budgetStatus, type BudgetStatus } from "./accounts.ts";
import type { Meter } from "./meter.ts";

export interface OwnUsageQuery {
  by: UsageQuery["by"];
  /** Default the start of the month. */
  from?: number;
  /** Default now. */
  to?: number;
}

/** What a key or its organisation may still spend. */
export interface OwnMoney {
  of: Subject["kind"];
  balance: number | undefined;
  budgets: readonly BudgetStatus[];
}

/** What a key used, and what it has left. Times are milliseconds since the Unix epoch. */
export interface OwnUsage {
  from: number;
  to: number;
  rows: readonly UsageRow[];
  money: readonly OwnMoney[];
  limits: RateLimitStatus;
}

export interface OwnUsageOptions {
  ledger: Pick<LedgerStore, "usage">;
  meter: Pick<Meter, "left">;
  /** Milliseconds since the Unix epoch. */
  now: () => number;
}

/** What the holder of a key may know of it; a key whose money or limits are used up may ask too. */
export class OwnUsageService {
  // fixed at birth
  private readonly options: OwnUsageOptions;

  constructor(options: OwnUsageOptions) {
    this.options = options;
  }

  async usage(caller: Caller, { by, ...asked }: OwnUsageQuery): Promise<OwnUsage> {
    const now = this.options.now();
    const { from = startOf("month", now) ?? now, to = now } = asked;
    const rows = await this.options.ledger.usage({ by, keyId: caller.keyId, from, to });
    return { from, to, rows, ...(await this.left(caller)) };
  }

  async left(caller: Caller): Promise<Pick<OwnUsage, "money" | "limits">> {
    const now = this.options.now();
    const { accounts, limits } = await this.options.meter.left(caller);
    return { money: accounts.map((account) => ownMoney(account, now)), limits };
  }
}

function ownMoney({ subject, balance, budgets }: Unspent, now: number): OwnMoney {
  const states = budgets.map((state) => budgetStatus(state, now));
  return { of: parseSubject(subject)?.kind ?? "key", balance, budgets: states };
}
