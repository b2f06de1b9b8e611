import { parseSubject, type Micros } from "../model/account.ts";
import { ParleyError } from "../model/error.ts";
import type { AccountRecord } from "../store/store.ts";

/** What those may spend in a month that have no budget of their own. */
export interface Budgets {
  key?: Micros;
  organisation?: Micros;
}

/** What a subject may still spend; an absent field is no bound. */
export interface Unspent {
  balance?: Micros;
  /** Of the month's budget. */
  budget?: Micros;
}

/** The configured budget of a subject that has none of its own. */
export function configuredBudget(subject: string, budgets: Budgets): Micros | undefined {
  return parseSubject(subject)?.kind === "organisation" ? budgets.organisation : budgets.key;
}

/** `pending`: what a subject used that is not in the store yet. */
export function unspentOf(account: AccountRecord, budgets: Budgets, pending: Micros): Unspent {
  const { subject, balance, budget, spent } = account;
  const limit = budget ?? configuredBudget(subject, budgets);
  return {
    ...(balance === null ? {} : { balance: balance - pending }),
    ...(limit === undefined ? {} : { budget: limit - spent - pending }),
  };
}

/** Throws `balance` when the balance or the month's budget is used up. */
export function refuseSpent({ balance, budget }: Unspent): void {
  if (balance !== undefined && balance <= 0) throw new ParleyError("balance", "insufficient balance");
  if (budget !== undefined && budget <= 0) {
    throw new ParleyError("balance", "insufficient balance: the budget of this month is spent");
  }
}
