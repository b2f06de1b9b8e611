import { ParleyError } from "../model/error.ts";
import type { AccountRecord } from "../store/store.ts";

/** Millionths of a dollar a month for those without a budget of their own. */
export interface Budgets {
  key?: number;
  organisation?: number;
}

/**
 * Throws `balance` when a balance or a month's budget is used up. `pending` tells what was used and is not written
 * yet. Fails closed: when the accounts cannot be read, the request is refused with that error. Whoever is not spent
 * yet may begin an answer whose cost nobody knows before: a balance can end below zero by the answers under way.
 */
export function refuseSpent(
  accounts: readonly AccountRecord[],
  budgets: Budgets,
  pending: (subject: string) => number,
): void {
  for (const { subject, balance, budget, spent } of accounts) {
    const open = pending(subject);
    if (balance !== null && balance - open <= 0) throw new ParleyError("balance", "insufficient balance");
    const most = budget ?? (subject.startsWith("organisation:") ? budgets.organisation : budgets.key);
    if (most !== undefined && spent + open >= most) {
      throw new ParleyError("balance", "insufficient balance: the budget of this month is spent");
    }
  }
}
