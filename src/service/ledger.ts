import { setTimeout as pause } from "node:timers/promises";
import { subjectsOf } from "../model/account.ts";
import type { LedgerJournal, LedgerRow, LedgerStore } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";

/** Rows are written together: after this many milliseconds, or as soon as there are this many rows. */
const flushMs = 50;
const maxRows = 500;
/** Pause before rows whose write failed are tried again; after `close` they are tried this many times in all. */
const retryMs = 500;
const maxAttemptsClosing = 5;

/** Where rows go. */
export interface LedgerWriterOptions {
  store: LedgerStore;
  /** Keeps rows over the end of the process; without it those that wait end with it. */
  journal?: LedgerJournal | undefined;
  log: Log;
  /** Called with rows that are in the store now; must not throw. */
  onWritten?: ((rows: readonly LedgerRow[]) => void) | undefined;
}

/**
 * Writes ledger rows in batches. Rows wait while the store is busy or fails; none is lost: with a journal a row survives
 * the end of the process from the moment it was added, and is booked by the next start.
 */
export class LedgerWriter {
  // fixed at birth
  private readonly options: LedgerWriterOptions;
  // changed by events
  /** Rows for the next batch; filled by `add`, emptied by `flush`. */
  private waiting: LedgerRow[] = [];
  /** What is called when a row is in the store, or lost, by the row's id; filled by `add`, emptied by `report`. */
  private readonly written = new Map<string, () => void>();
  /** Cost of the rows not yet in the store, by subject. */
  private readonly unwritten = new Map<string, number>();
  /** Calls `flush`; runs while rows wait. */
  private timer: NodeJS.Timeout | undefined;
  /** Resolves when the batch that is being written is in the store, or was given up. */
  private writing: Promise<void> | undefined;
  /** Set by `close`: from then on attempts are limited. */
  private closing = false;
  /** Ids of rows that the journal did not take and the store does not have yet. */
  private readonly unkept = new Set<string>();

  constructor(options: LedgerWriterOptions) {
    this.options = options;
  }

  /** `written` is called once, when the row is in the store or was given up. */
  add(row: LedgerRow, written?: () => void): void {
    this.keep(row);
    this.waiting.push(row);
    if (written !== undefined) this.written.set(row.id, written);
    this.note(row, row.cost);
    if (this.waiting.length >= maxRows) void this.flush();
    else this.timer ??= setTimeout(() => void this.flush(), flushMs);
  }

  /** Books what processes that ended left in the journal. Throws where the store does not take it. */
  async bookLeft(): Promise<void> {
    const { journal, store, log } = this.options;
    if (journal === undefined) return;
    for await (const left of journal.left()) {
      const { rows, unreadable } = left;
      await store.add(rows);
      await left.discard();
      if (rows.length > 0) log.warn({ rows: rows.length }, "ledger rows of a process that ended were booked");
      if (unreadable > 0) log.error({ lines: unreadable }, "lines of a ledger journal are no rows and were left out");
    }
  }

  /** Cost of a subject's rows that are not in the store yet. */
  pending(subject: string): number {
    return this.unwritten.get(subject) ?? 0;
  }

  /** Resolves when everything added before is written; never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.writing !== undefined) await this.writing;
    if (this.waiting.length === 0 || this.writing !== undefined) return this.writing;
    const rows = this.waiting;
    this.waiting = [];
    const empty = this.options.journal?.cut();
    this.writing = this.write(rows, empty).finally(() => (this.writing = undefined));
    await this.writing;
  }

  /** Writes what is left; what the store keeps refusing stays in the journal, and is logged. */
  async close(): Promise<void> {
    this.closing = true;
    while (this.writing !== undefined || this.waiting.length > 0) await this.flush();
    this.options.journal?.close();
  }

  private async write(rows: readonly LedgerRow[], emptyJournal: (() => void) | undefined): Promise<void> {
    const { store, log } = this.options;
    let attemptsClosing = 0;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await store.add(rows);
        break;
      } catch (error) {
        // an outage of minutes is not hundreds of lines: the first, second, fourth, eighth attempt
        if (Number.isInteger(Math.log2(attempt)))
          log.error({ err: error, rows: rows.length, attempt }, "ledger rows could not be written");
        if (this.closing) attemptsClosing += 1;
        if (attemptsClosing >= maxAttemptsClosing) return this.giveUp(rows);
        await pause(retryMs);
      }
    }
    for (const row of rows) {
      this.note(row, -row.cost);
      this.unkept.delete(row.id);
    }
    this.report(rows);
    this.options.onWritten?.(rows);
    try {
      emptyJournal?.();
    } catch (error) {
      // the next start books them again, which changes nothing
      log.error({ err: error }, "the ledger journal cannot be emptied");
    }
  }

  private report(rows: readonly LedgerRow[]): void {
    for (const { id } of rows) {
      this.written.get(id)?.();
      this.written.delete(id);
    }
  }

  private giveUp(rows: readonly LedgerRow[]): void {
    const { journal, log } = this.options;
    const isLost = ({ id }: LedgerRow): boolean => journal === undefined || this.unkept.has(id);
    const [lost, kept] = [rows.filter(isLost), rows.filter((row) => !isLost(row))];
    if (kept.length > 0)
      log.warn({ requests: kept.map(requestOf) }, "ledger rows wait in the journal for the next start");
    if (lost.length > 0) log.error({ requests: lost.map(requestOf) }, "ledger rows are lost");
    this.report(rows);
  }

  private keep(row: LedgerRow): void {
    const { journal, log } = this.options;
    try {
      journal?.append(row);
    } catch (error) {
      if (this.unkept.size === 0)
        log.error({ err: error }, "the ledger journal cannot be written: rows wait in memory only");
      this.unkept.add(row.id);
    }
  }

  private note(row: LedgerRow, cost: number): void {
    for (const subject of subjectsOf(row)) {
      const sum = this.pending(subject) + cost;
      if (sum === 0) this.unwritten.delete(subject);
      else this.unwritten.set(subject, sum);
    }
  }
}

function requestOf({ request }: LedgerRow): string {
  return request;
}
