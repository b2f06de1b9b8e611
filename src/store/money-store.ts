import type { Period } from "../model/account.ts";

/** The part of the port for money: accounts, and what answers under way reserve of them. Millionths of a dollar. */

/** Money of one subject: `key:<id>` or `organisation:<id>`. */
export interface AccountRecord {
  subject: string;
  /** What is left of what was paid in; `null` where the subject is not held to a balance. */
  balance: number | null;
  /** Most that may be spent in a period; `null` where the subject has none of its own. */
  budgets: Readonly<Record<Period, number | null>>;
  /** Spent in the periods of the moment that was asked for. */
  spent: Readonly<Record<Period, number>>;
}

export interface AccountChange {
  balance?: number | null;
  budgets?: Partial<Record<Period, number | null>>;
}

export interface AccountStore {
  /** Those of the subjects that have a balance or a budget; from memory while that has not changed. */
  held(subjects: readonly string[]): Promise<string[]>;
  /** One record for each subject, in the order given; `at` in milliseconds since the Unix epoch. */
  read(subjects: readonly string[], at: number): Promise<AccountRecord[]>;
  /** Every subject with a balance or a budget. */
  list(at: number): Promise<AccountRecord[]>;
  /** Adds to the balance, which is 0 where there was none; returns what stands. */
  credit(subject: string, amount: number): Promise<number>;
  /** Changes what is given, at once. */
  update(subject: string, change: AccountChange): Promise<void>;
  /** Moves balance, budgets and what was spent to another subject, unless that has any of its own. */
  rename(from: string, to: string): Promise<void>;
}

export interface MoneyClaim {
  /** Of the reservation. */
  id: string;
  /** All that pay, and the configured budgets of those that have none of their own. */
  accounts: readonly { subject: string; budgets: Partial<Record<Period, number>> }[];
  /** The moment whose periods count, in milliseconds since the Unix epoch. */
  at: number;
  amount: number;
}

export interface MoneyAnswer {
  /** Why nothing was reserved: a balance or a budget is spent, or answers under way hold what is left. */
  refused: "spent" | "held" | null;
  /** Whether something was reserved; nothing is where no account has a balance or a budget. */
  held: boolean;
}

/** What answers under way may cost, reserved by several processes. The database's clock counts. */
export interface MoneyStore {
  /**
   * Reserves the amount from every account, or from none. Where less is left it reserves that, unless a reservation of
   * that kind is there already.
   */
  reserve(claim: MoneyClaim): Promise<MoneyAnswer>;
  /** Replaces what a reservation holds by what was used. */
  settle(id: string, used: number): Promise<void>;
  release(ids: readonly string[]): Promise<void>;
  /** Reservations that were not renewed for 30 seconds belong to a process that has ended, and do not count. */
  renew(ids: readonly string[]): Promise<void>;
}
