import { dollarText, endOf, parseSubject, startOf, subjectsOf } from "../../model/account.ts";
import { LruCache } from "../../lib/lru.ts";
import { unspentOf, type BudgetState, type Budgets } from "../../policy/budget.ts";
import type { AccountStore, LedgerRow, NoticeStore } from "../../store/store.ts";
import type { Log } from "../../telemetry/log.ts";
import type { RaiseAlert } from "./webhooks.ts";

export interface BudgetWatchOptions {
  accounts: Pick<AccountStore, "read">;
  /** Which alerts were raised, by any process. */
  notices: Pick<NoticeStore, "first">;
  budgets: () => Budgets;
  /** Percents of a budget at which an alert is raised. */
  percents: readonly number[];
  raise: RaiseAlert;
  /** The name of a key or an organisation. */
  nameOf: (subject: string) => Promise<string>;
  now: () => number;
  log: Log;
}

/** Names of notices that need not be asked for again. */
const maxKnown = 10_000;

/** Raises an alert, once for each period, when what was spent of a budget reaches a percent of it. */
export class BudgetWatch {
  // fixed at birth
  private readonly options: BudgetWatchOptions;
  private readonly known = new LruCache<string, true>({ maxEntries: maxKnown });

  constructor(options: BudgetWatchOptions) {
    this.options = options;
  }

  /** To be called with rows that are in the store; never rejects. */
  async written(rows: readonly LedgerRow[]): Promise<void> {
    const subjects = [...new Set(rows.filter(({ cost }) => cost > 0).flatMap(subjectsOf))];
    try {
      await this.check(subjects);
    } catch (error) {
      this.options.log.error({ err: error }, "budgets could not be watched");
    }
  }

  private async check(subjects: readonly string[]): Promise<void> {
    const { accounts, budgets, now } = this.options;
    for (const record of await accounts.read(subjects, now())) {
      for (const state of unspentOf(record, budgets(), 0).budgets) await this.checkBudget(record.subject, state);
    }
  }

  private async checkBudget(subject: string, { period, limit, spent }: BudgetState): Promise<void> {
    const { notices, percents, now, raise, nameOf } = this.options;
    const reached = percents.filter((percent) => limit > 0 && spent * 100 >= limit * percent);
    if (reached.length === 0) return;
    const percent = Math.max(...reached);
    // another limit is another budget
    const notice = `budget ${subject} ${period} ${startOf(period, now()) ?? 0} ${limit} ${percent}`;
    if (this.known.has(notice)) return;
    this.known.set(notice, true);
    if (!(await notices.first(notice, now()))) return;
    const end = endOf(period, now());
    const of = parseSubject(subject);
    const name = await nameOf(subject);
    const what = period === "total" ? "its total budget" : `its budget of this ${period}`;
    raise({
      event: "budget",
      text: `The ${of?.kind ?? "key"} '${name}' has spent ${dollarText(spent)} of ${dollarText(limit)} dollars, ${percent} % of ${what}.`,
      data: {
        subject,
        name,
        period,
        percent,
        budgetMicros: limit,
        spentMicros: spent,
        resetsAt: end === undefined ? null : new Date(end).toISOString(),
      },
    });
  }
}
