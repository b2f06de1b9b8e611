import { setTimeout as pause } from "node:timers/promises";
import { subjectsOf } from "../model/account.ts";
import type { LedgerRow, LedgerStore } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";

/** Rows are written together: after this many milliseconds, or as soon as there are this many rows. */
const flushMs = 50;
const maxRows = 500;
/** Pause before rows whose write failed are tried again; after `close` they are tried this many times in all. */
const retryMs = 500;
const maxAttemptsClosing = 5;

/**
 * Writes ledger rows in batches. A row is in the store `flushMs` after it was added, and after `close` at the latest: a
 * killed process loses at most the rows added since. Rows wait in memory while the store fails; none is lost.
 */
export class LedgerWriter {
  // fixed at birth
  private readonly store: LedgerStore;
  private readonly log: Log;
  // changed by events
  /** Rows for the next batch; filled by `add`, emptied by `flush`. */
  private waiting: LedgerRow[] = [];
  /** What is called when a row is in the store, or lost, by the row's id; filled by `add`, emptied by `report`. */
  private readonly written = new Map<string, () => void>();
  /** Cost of the rows not yet in the store, by subject. */
  private readonly unwritten = new Map<string, number>();
  /** Calls `flush`; runs while rows wait. */
  private timer: NodeJS.Timeout | undefined;
  /** Resolves when the batch that is being written is in the store, or lost. */
  private writing: Promise<void> | undefined;
  /** Set by `close`: from then on attempts are limited. */
  private closing = false;

  constructor(store: LedgerStore, log: Log) {
    this.store = store;
    this.log = log;
  }

  /** `written` is called once, when the row is in the store or lost. */
  add(row: LedgerRow, written?: () => void): void {
    this.waiting.push(row);
    if (written !== undefined) this.written.set(row.id, written);
    this.note(row, row.cost);
    if (this.waiting.length >= maxRows) void this.flush();
    else this.timer ??= setTimeout(() => void this.flush(), flushMs);
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
    this.writing = this.write(rows).finally(() => (this.writing = undefined));
    await this.writing;
  }

  /** Writes what is left; rows that the store keeps refusing are logged as lost. */
  async close(): Promise<void> {
    this.closing = true;
    while (this.writing !== undefined || this.waiting.length > 0) await this.flush();
  }

  private async write(rows: readonly LedgerRow[]): Promise<void> {
    for (let attempt = 1; !(this.closing && attempt > maxAttemptsClosing); attempt += 1) {
      try {
        await this.store.add(rows);
        for (const row of rows) this.note(row, -row.cost);
        this.report(rows);
        return;
      } catch (error) {
        this.log.error({ err: error, rows: rows.length, attempt }, "ledger rows could not be written");
        await pause(retryMs);
      }
    }
    this.log.error({ requests: rows.map(({ request }) => request) }, "ledger rows are lost");
    this.report(rows);
  }

  private report(rows: readonly LedgerRow[]): void {
    for (const { id } of rows) {
      this.written.get(id)?.();
      this.written.delete(id);
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
