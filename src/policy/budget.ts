import { parseSubject, type Micros } from "../model/account.ts";
import { ParleyError } from "../model/error.ts";
import type { AccountRecord } from "../store/store.ts";

/** What those may spend in a month that have no budget of their own. */
export interface Budgets {
  key?: Micros;
  organisation?: Micros;
}

/**
 * Throws `balance` when a balance or a month's budget is used up. `pending`: what a subject used that is not in the store
 * yet. Fails closed: when the accounts cannot be read, the request is refused with that error. While something is left,
 * an answer may begin whose cost nobody knows before: a balance can end below zero by the answers under way.
 */
export function refuseSpent(
  accounts: readonly AccountRecord[],
  budgets: Budgets,
  pending: (subject: string) => Micros,
): void {
  for (const { subject, balance, budget, spent } of accounts) {
    const open = pending(subject);
    if (balance !== null && balance - open <= 0) throw new ParleyError("balance", "insufficient balance");
    const isOrganisation = parseSubject(subject)?.kind === "organisation";
    const limit = budget ?? (isOrganisation ? budgets.organisation : budgets.key);
    if (limit !== undefined && spent + open >= limit) {
      throw new ParleyError("balance", "insufficient balance: the budget of this month is spent");
    }
  }
}
