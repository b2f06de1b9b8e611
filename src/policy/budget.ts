import { dollarText, endOf, parseSubject, periods, type Micros, type Period } from "../model/account.ts";
import { ParleyError } from "../model/error.ts";
import type { AccountRecord } from "../store/store.ts";

/** Most that may be spent in each period; an absent one is no bound. */
export type PeriodBudgets = Partial<Readonly<Record<Period, Micros>>>;

/** What those may spend that have no budget of their own for a period. */
export interface Budgets {
  key?: PeriodBudgets;
  organisation?: PeriodBudgets;
}

/** A budget that counts, and what was spent of it. */
export interface BudgetState {
  period: Period;
  limit: Micros;
  spent: Micros;
  /** Whether it is the subject's own, not the configured one. */
  own: boolean;
}

/** What a subject may still spend; without a balance and budgets there is no bound. */
export interface Unspent {
  subject: string;
  balance?: Micros;
  budgets: readonly BudgetState[];
}

const noBudgets: PeriodBudgets = Object.freeze({});

/** The configured budgets of a subject. */
export function configuredBudgets(subject: string, budgets: Budgets): PeriodBudgets {
  return (parseSubject(subject)?.kind === "organisation" ? budgets.organisation : budgets.key) ?? noBudgets;
}

/** `pending`: what a subject used that is not in the store yet. */
export function unspentOf(account: AccountRecord, budgets: Budgets, pending: Micros): Unspent {
  const { subject, balance, spent } = account;
  const configured = configuredBudgets(subject, budgets);
  const states: BudgetState[] = [];
  for (const period of periods) {
    const own = account.budgets[period];
    const limit = own ?? configured[period];
    if (limit !== undefined) states.push({ period, limit, spent: spent[period] + pending, own: own !== null });
  }
  return { subject, ...(balance !== null && { balance: balance - pending }), budgets: states };
}

/** The least that is left; `Infinity` where there is no bound. */
export function leftOf({ balance, budgets }: Unspent): Micros {
  let left = balance ?? Infinity;
  for (const { limit, spent } of budgets) left = Math.min(left, limit - spent);
  return left;
}

/** Throws `balance` when the balance or a budget is used up, and says whose, how much and until when; `at` is now. */
export function refuseSpent({ subject, balance, budgets }: Unspent, at: number): void {
  const whose = parseSubject(subject)?.kind === "organisation" ? "the organisation of this key" : "this key";
  if (balance !== undefined && balance <= 0) {
    throw new ParleyError("balance", `insufficient balance: the balance of ${whose} is ${dollarText(balance)} dollars`);
  }
  for (const { period, limit, spent } of budgets) {
    if (spent < limit) continue;
    const end = endOf(period, at);
    const until = end === undefined ? "it does not begin anew" : `it begins anew at ${new Date(end).toISOString()}`;
    const which = period === "total" ? "the total budget" : `the budget of a ${period}`;
    const amounts = `${dollarText(spent)} of ${dollarText(limit)} dollars`;
    throw new ParleyError("balance", `insufficient balance: ${which} of ${whose} is spent (${amounts}); ${until}`);
  }
}
