import type { Micros } from "../model/account.ts";
import { ParleyError } from "../model/error.ts";
import type { AccountStore } from "../store/store.ts";
import { configuredBudgets, leftOf, refuseSpent, unspentOf, type Budgets, type Unspent } from "./budget.ts";

/**
 * Whether there is money for an answer that has not begun. What it can cost at most is reserved before any work and
 * replaced by what it cost. An answer that can cost more than is left may still begin: it reserves all that is left, and
 * no second one of that kind runs at the same time. So a balance or a budget ends below zero by what one answer cost more
 * than was reserved for it, whatever runs at once.
 */
export interface Funds {
  /**
   * Reserves from every account or from none. Throws `balance` where one is spent, `rate-limit` where answers under way
   * hold what is left, and whatever the store throws when it cannot be read.
   */
  reserve(asked: FundsRequest): Promise<MoneyReservation>;
  /** Throws `balance` where an account is spent; reserves nothing. */
  check(asked: AskedAccounts): Promise<void>;
  /** What each account may still spend; what answers under way reserve is not taken off. */
  left(asked: AskedAccounts): Promise<Unspent[]>;
  close(): Promise<void>;
}

/** The accounts that pay, as `subjectsOf` names them. */
export interface AskedAccounts {
  subjects: readonly string[];
  /** The moment whose budgets count, in milliseconds since the Unix epoch. */
  at: number;
  budgets: Budgets;
}

export interface FundsRequest extends AskedAccounts {
  /** What the work can cost at most; asked only where an account is held to something. */
  cost: () => Micros;
}

/** Ends with `release`, after `settle` where something was used; further calls change nothing. */
export interface MoneyReservation {
  /** What it cost is known and on its way into the store. */
  settle(cost: Micros): void;
  /** The cost is in the store, or there is none. */
  release(): void;
}

/** What `retryAfter` says where an answer must end first. */
const heldRetrySeconds = 1;

export function heldError(): ParleyError {
  const text = "rate limit: what is left of the balance or budget is reserved by answers under way";
  return new ParleyError("rate-limit", text, { retryAfter: heldRetrySeconds });
}

export interface MemoryFundsOptions {
  accounts: Pick<AccountStore, "held" | "read">;
  /** Cost of a subject's rows that are not in the store yet. */
  pending: (subject: string) => Micros;
}

/** Those of the accounts that are held to something: a balance, or a budget of their own or a configured one. */
export async function heldSubjects(
  { accounts }: MemoryFundsOptions,
  { subjects, budgets }: AskedAccounts,
): Promise<readonly string[]> {
  const held = await accounts.held(subjects);
  const isConfigured = (subject: string): boolean => Object.keys(configuredBudgets(subject, budgets)).length > 0;
  return held.length === subjects.length
    ? held
    : subjects.filter((subject) => held.includes(subject) || isConfigured(subject));
}

/** Only accounts that are held to something are read. */
export async function readUnspent(options: MemoryFundsOptions, asked: AskedAccounts): Promise<Unspent[]> {
  const { subjects, at, budgets } = asked;
  const held = await heldSubjects(options, asked);
  const records = held.length === 0 ? [] : await options.accounts.read(held, at);
  const unspent = new Map(
    records.map((record) => [record.subject, unspentOf(record, budgets, options.pending(record.subject))]),
  );
  return subjects.map((subject) => unspent.get(subject) ?? { subject, budgets: [] });
}

/** What answers under way hold of one account. */
interface Held {
  amount: Micros;
  /** Whether one of them may cost more than it reserved. */
  exceeding: boolean;
}

/** One part of a reservation: what it took from one account. */
interface Part {
  subject: string;
  amount: Micros;
  exceeding: boolean;
}

/** Reservations of one process. They end with it, and so do the answers. */
export class MemoryFunds implements Funds {
  // fixed at birth
  private readonly options: MemoryFundsOptions;
  // changed by events
  /** By subject; `reserve` adds to it, the end of a reservation takes it back and deletes what holds nothing. */
  private readonly held = new Map<string, Held>();

  constructor(options: MemoryFundsOptions) {
    this.options = options;
  }

  async reserve({ subjects, at, budgets, cost }: FundsRequest): Promise<MoneyReservation> {
    const accounts = await this.left({ subjects, at, budgets });
    // nothing is awaited from here on: two requests never see the same money
    let asked: Micros | undefined;
    const parts: Part[] = [];
    for (const unspent of accounts) {
      refuseSpent(unspent, at);
      const left = leftOf(unspent);
      if (left === Infinity) continue;
      asked ??= cost();
      if (asked > 0) parts.push(this.part(unspent.subject, left, asked));
    }
    for (const part of parts) this.take(part);
    let open = true;
    const release = (): void => {
      if (open) for (const part of parts) this.giveBack(part);
      open = false;
    };
    // what was used counts as pending from now on
    return { settle: release, release };
  }

  async check(asked: AskedAccounts): Promise<void> {
    for (const unspent of await this.left(asked)) refuseSpent(unspent, asked.at);
  }

  left(asked: AskedAccounts): Promise<Unspent[]> {
    return readUnspent(this.options, asked);
  }

  async close(): Promise<void> {
    this.held.clear();
  }

  /** How many accounts something is reserved from. */
  get size(): number {
    return this.held.size;
  }

  /** Throws where the account has no room for it. */
  private part(subject: string, left: Micros, cost: Micros): Part {
    const held = this.held.get(subject) ?? { amount: 0, exceeding: false };
    const free = left - held.amount;
    if (cost <= free) return { subject, amount: cost, exceeding: false };
    if (free <= 0 || held.exceeding) throw heldError();
    return { subject, amount: free, exceeding: true };
  }

  private take({ subject, amount, exceeding }: Part): void {
    const held = this.held.get(subject) ?? { amount: 0, exceeding: false };
    this.held.set(subject, { amount: held.amount + amount, exceeding: held.exceeding || exceeding });
  }

  private giveBack({ subject, amount, exceeding }: Part): void {
    const held = this.held.get(subject);
    if (held === undefined) return;
    const rest = { amount: held.amount - amount, exceeding: held.exceeding && !exceeding };
    if (rest.amount === 0) this.held.delete(subject);
    else this.held.set(subject, rest);
  }
}
