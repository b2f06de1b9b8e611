import { setTimeout as pause } from "node:timers/promises";
import { subjectsOf } from "../model/account.ts";
import type { LedgerRow, LedgerStore } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";

/** Rows are written together: after this many milliseconds, or as soon as there are so many. */
const flushMs = 50;
const mostRows = 500;
/** After a failure the same rows are tried again, with this pause; at the end only so often. */
const retryMs = 500;
const lastTries = 5;

/**
 * Writes ledger rows in batches. What was added is in the store after `flushMs`, and after `close` at the latest: the
 * end of the process by force loses at most what was added since. A store that fails for a while loses nothing.
 */
export class LedgerWriter {
  // fixed at birth
  private readonly store: LedgerStore;
  private readonly log: Log;
  // changed by events
  private waiting: LedgerRow[] = [];
  private readonly unwritten = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> | undefined;
  private closing = false;

  constructor(store: LedgerStore, log: Log) {
    this.store = store;
    this.log = log;
  }

  add(row: LedgerRow): void {
    this.waiting.push(row);
    this.note(row, row.cost);
    if (this.waiting.length >= mostRows) void this.flush();
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

  /** Writes what is left; rows that a failing store refuses to the end are told to the log. */
  async close(): Promise<void> {
    this.closing = true;
    while (this.writing !== undefined || this.waiting.length > 0) await this.flush();
  }

  private async write(rows: readonly LedgerRow[]): Promise<void> {
    for (let attempt = 1; !(this.closing && attempt > lastTries); attempt += 1) {
      try {
        await this.store.add(rows);
        for (const row of rows) this.note(row, -row.cost);
        return;
      } catch (error) {
        this.log.error({ err: error, rows: rows.length, attempt }, "ledger rows could not be written");
        await pause(retryMs);
      }
    }
    this.log.error({ requests: rows.map(({ request }) => request) }, "ledger rows are lost");
  }

  private note(row: LedgerRow, cost: number): void {
    for (const subject of subjectsOf(row)) {
      const sum = this.pending(subject) + cost;
      if (sum === 0) this.unwritten.delete(subject);
      else this.unwritten.set(subject, sum);
    }
  }
}
