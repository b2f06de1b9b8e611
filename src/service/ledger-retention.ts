import { setImmediate } from "node:timers/promises";
import type { LedgerStore } from "../store/store.ts";

export interface LedgerRetentionOptions {
  ledger: Pick<LedgerStore, "sweep">;
  /** How long rows are kept, in milliseconds; absent: for good. */
  keepMs: number | undefined;
  /** Milliseconds since the Unix epoch. */
  now: () => number;
}

/** Rows of one statement: with SQLite it holds the event loop. */
const maxRows = 100;

/** Deletes old rows of the ledger; their sums stay. */
export class LedgerRetention {
  // fixed at birth
  private readonly options: LedgerRetentionOptions;

  constructor(options: LedgerRetentionOptions) {
    this.options = options;
  }

  /** Returns how many rows went. */
  async sweep(): Promise<number> {
    const { ledger, keepMs, now } = this.options;
    if (keepMs === undefined) return 0;
    const before = now() - keepMs;
    for (let deleted = 0; ;) {
      const some = await ledger.sweep(before, maxRows);
      deleted += some;
      if (some < maxRows) return deleted;
      // requests go first
      await setImmediate();
    }
  }
}
