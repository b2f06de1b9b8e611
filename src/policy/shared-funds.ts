import { setTimeout as wait } from "node:timers/promises";
import type { Micros } from "../model/account.ts";
import { ParleyError } from "../model/error.ts";
import type { MoneyStore } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import { configuredBudgets, refuseSpent, type Unspent } from "./budget.ts";
import {
  heldError,
  heldSubjects,
  readUnspent,
  type AskedAccounts,
  type FundsRequest,
  type Funds,
  type MoneyReservation,
} from "./funds.ts";
import type { MemoryFundsOptions } from "./funds.ts";

export interface SharedFundsOptions extends MemoryFundsOptions {
  store: MoneyStore;
  log: Log;
  /** A new id for every reservation. */
  id(): string;
}

/** Waits before another try where answers under way hold what is left: another process may just be writing what one cost. */
const heldWaitsMs = [20, 50, 100, 200] as const;
/** How often reservations are renewed; a third of their life. */
const renewMs = 10_000;

const nothingReserved: MoneyReservation = { settle: () => undefined, release: () => undefined };

/**
 * Money for several processes on one PostgreSQL. A reservation is a row until the ledger row of its answer is written, so
 * that every process sees what all others hold. Fails closed. The reservations of a process that dies expire after 30 seconds.
 */
export class SharedFunds implements Funds {
  // fixed at birth
  private readonly options: SharedFundsOptions;
  private readonly timer: NodeJS.Timeout;
  // changed by events
  /** Ids of the rows of this process; renewed until their end. */
  private readonly open = new Set<string>();
  /** What ends with the next write; made and filled by `end`, taken by that write. */
  private ending: { ids: string[]; subjects: string[] } | undefined;
  /** Writes that no one waits for, by the subjects they change; their end removes them. */
  private readonly writing = new Map<Promise<void>, readonly string[]>();

  constructor(options: SharedFundsOptions) {
    this.options = options;
    this.timer = setInterval(() => this.write(options.store.renew([...this.open]), []), renewMs);
    this.timer.unref();
  }

  async reserve({ subjects, at, budgets, cost }: FundsRequest): Promise<MoneyReservation> {
    // the answer before this one may just have ended: what it gave back counts
    await this.written(subjects);
    const paying = await heldSubjects(this.options, { subjects, at, budgets });
    if (paying.length === 0) return nothingReserved;
    const id = this.options.id();
    const accounts = paying.map((subject) => ({ subject, budgets: configuredBudgets(subject, budgets) }));
    const { refused, held } = await this.reserved({ id, accounts, at, amount: cost() });
    if (refused === "held") throw heldError();
    if (refused === "spent") {
      // the database says only that; the records say what
      await this.check({ subjects, at, budgets });
      throw new ParleyError("balance", "insufficient balance");
    }
    if (!held) return nothingReserved;
    this.open.add(id);
    return {
      settle: (used) => this.settle(id, used, subjects),
      release: () => this.end(id, subjects),
    };
  }

  private async reserved(asked: Parameters<MoneyStore["reserve"]>[0]): ReturnType<MoneyStore["reserve"]> {
    for (const waitMs of heldWaitsMs) {
      const answer = await this.options.store.reserve(asked);
      if (answer.refused !== "held") return answer;
      await wait(waitMs);
    }
    return this.options.store.reserve(asked);
  }

  async check(asked: AskedAccounts): Promise<void> {
    for (const unspent of await this.left(asked)) refuseSpent(unspent, asked.at);
  }

  left(asked: AskedAccounts): Promise<Unspent[]> {
    return readUnspent(this.options, asked);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.writing.keys());
  }

  private settle(id: string, used: Micros, subjects: readonly string[]): void {
    if (this.open.has(id)) this.write(this.options.store.settle(id, used), subjects);
  }

  /** Rows that end in one turn of the event loop, as those of a ledger batch do, are deleted by one statement. */
  private end(id: string, subjects: readonly string[]): void {
    if (!this.open.delete(id)) return;
    const ending = this.ending ?? { ids: [], subjects: [] };
    ending.ids.push(id);
    ending.subjects.push(...subjects);
    if (this.ending !== undefined) return;
    this.ending = ending;
    const remove = async (): Promise<void> => {
      await Promise.resolve();
      this.ending = undefined;
      await this.options.store.release(ending.ids);
    };
    this.write(remove(), ending.subjects);
  }

  private async written(subjects: readonly string[]): Promise<void> {
    const mine = [...this.writing].filter(([, changed]) => changed.some((subject) => subjects.includes(subject)));
    await Promise.all(mine.map(([work]) => work));
  }

  private write(work: Promise<void>, subjects: readonly string[]): void {
    const written = work
      .catch((error: unknown) => this.options.log.error({ err: error }, "reserved money could not be written"))
      .finally(() => this.writing.delete(written));
    this.writing.set(written, subjects);
  }
}
