import { endOf, formatSubject, type Micros, type Period, type Subject } from "../model/account.ts";
import { invalid } from "../model/error.ts";
import type { KeyId } from "../model/id.ts";
import { unspentOf, type Budgets } from "../policy/budget.ts";
import type { AccountRecord, AccountStore, SettingStore } from "../store/store.ts";
import { accountChange, checkInput, type AccountInput } from "./admin-input.ts";
import { refuseDeclared } from "./named.ts";

/** A budget that counts for a subject, its own or a configured one. */
export interface BudgetStatus {
  period: Period;
  limit: Micros;
  spent: Micros;
  own: boolean;
  /** When it begins anew, in milliseconds since the Unix epoch; absent for `total`. */
  resetsAt?: number;
}

/** Money of a key or an organisation as operators see it. */
export interface Account extends Pick<AccountRecord, "subject" | "balance" | "spent"> {
  /** Of the key or organisation. */
  name: string;
  /** Every budget that counts. */
  budgets: readonly BudgetStatus[];
  /** Its own budgets. */
  ownBudgets: AccountRecord["budgets"];
}

/** One that can have money. */
export interface Payer {
  subject: Subject;
  name: string;
  /** Whether the settings declare it. */
  declared: boolean;
}

export interface AccountsOptions {
  store: { accounts: AccountStore; settings: SettingStore };
  /** Milliseconds since the Unix epoch. */
  now: () => number;
  /** The configured budgets. */
  budgets: () => Budgets;
  /** Every key and organisation. */
  payers: () => Promise<Payer[]>;
}

/** Balances and budgets. Changes count from the next request on. */
export class Accounts {
  // fixed at birth
  private readonly options: AccountsOptions;

  constructor(options: AccountsOptions) {
    this.options = options;
  }

  /** Everyone who has a balance or a budget, also a configured one, with what was spent. */
  async list(): Promise<Account[]> {
    const { store, now, budgets, payers } = this.options;
    const { key, organisation } = budgets();
    const known = new Map(
      (await payers()).map(({ subject, name }) => [formatSubject(subject), { kind: subject.kind, name }]),
    );
    const set = await store.accounts.list(now());
    const listed = new Set(set.map(({ subject }) => subject));
    const held = [...known].filter(
      ([subject, { kind }]) => !listed.has(subject) && (kind === "key" ? key : organisation) !== undefined,
    );
    const configured = await store.accounts.read(
      held.map(([subject]) => subject),
      now(),
    );
    return [...set, ...configured].map((record) => this.account(record, known.get(record.subject)?.name ?? ""));
  }

  async get(subject: Subject): Promise<Account> {
    const payer = await this.payer(subject);
    return this.account(await this.record(subject), payer?.name ?? "");
  }

  /** Pays in millionths of a dollar (a negative amount takes out); from then on the subject is held to its balance. */
  async credit(subject: Subject, amount: number): Promise<Account> {
    const { balance } = await this.record(subject);
    // beyond 2^53 the balance could not be read again
    if (!Number.isSafeInteger(amount + (balance ?? 0)))
      throw invalid("amount", "must be a whole number that the balance can hold");
    await this.options.store.accounts.credit(formatSubject(subject), amount);
    return this.get(subject);
  }

  /** Changes what is given, all of it or nothing. Throws `invalid`, naming the field. */
  async change(subject: Subject, input: AccountInput): Promise<Account> {
    const change = checkInput(input, accountChange);
    const payer = await this.payer(subject);
    if (change.budgets !== undefined && payer !== undefined) refuseDeclared("budgets", payer);
    await this.options.store.accounts.update(formatSubject(subject), change);
    return this.get(subject);
  }

  /**
   * Gives the money that earlier versions kept by a static key's place in the list to the key that stands there now, once
   * for all; without it a key would be free of its balance. What else was kept by place belongs to no one.
   */
  async adoptStatic(staticKeyIds: readonly KeyId[]): Promise<void> {
    const { accounts, settings } = this.options.store;
    const done = "static-accounts";
    if ((await settings.get(done)) !== undefined) return;
    for (const [index, id] of staticKeyIds.entries()) {
      await accounts.rename(
        formatSubject({ kind: "key", id: `static-${index + 1}` }),
        formatSubject({ kind: "key", id }),
      );
    }
    await settings.setOnce(done, "by key");
  }

  private async payer(subject: Subject): Promise<Payer | undefined> {
    const wanted = formatSubject(subject);
    return (await this.options.payers()).find((payer) => formatSubject(payer.subject) === wanted);
  }

  private async record(subject: Subject): Promise<AccountRecord> {
    const [record] = await this.options.store.accounts.read([formatSubject(subject)], this.options.now());
    if (record === undefined) throw new Error("the store reads no account");
    return record;
  }

  private account(record: AccountRecord, name: string): Account {
    const now = this.options.now();
    const { budgets } = unspentOf(record, this.options.budgets(), 0);
    const { subject, balance, spent, budgets: ownBudgets } = record;
    return { subject, name, balance, spent, ownBudgets, budgets: budgets.map((state) => budgetStatus(state, now)) };
  }
}

/** The state with the moment at which it begins anew. */
export function budgetStatus(state: Omit<BudgetStatus, "resetsAt">, now: number): BudgetStatus {
  const resetsAt = endOf(state.period, now);
  return { ...state, ...(resetsAt !== undefined && { resetsAt }) };
}
