/** The part of the port for what was used: single rows, their sums, and rows on their way into the store. */

/** What one generation used. */
export interface LedgerRow {
  id: string;
  /** Id of the request, as in its answer's headers. */
  request: string;
  at: number;
  keyId: string;
  organisation: string | null;
  model: string;
  engine: string;
  tier: "standard" | "priority";
  /** A finish reason, `canceled`, or the kind of the error that ended it. */
  outcome: string;
  input: number;
  cached: number;
  output: number;
  reasoning: number;
  /** Millionths of a dollar. */
  cost: number;
}

/** A row as operators look at it: with the names that its key and organisation have, or had until they were deleted. */
export interface LedgerEntry extends LedgerRow {
  keyName: string | null;
  organisationName: string | null;
}

/** Which rows are asked for; an absent field asks for all. */
export interface LedgerFilter {
  /** From this moment on. */
  from?: number;
  /** Before this moment. */
  to?: number;
  keyId?: string;
  organisation?: string;
  model?: string;
  engine?: string;
}

/** Where a page begins: after this row, in the order of the list. */
export type LedgerPlace = Pick<LedgerRow, "at" | "id">;

export interface LedgerQuery extends LedgerFilter {
  outcome?: string;
  /** Id of the request. */
  request?: string;
  after?: LedgerPlace;
  limit: number;
}

/** What a report may have a line for each of. */
export const usageGroups = ["key", "owner", "tag", "organisation", "model", "engine", "day", "hour"] as const;
export type UsageGroup = (typeof usageGroups)[number];

export interface UsageQuery extends LedgerFilter {
  /** One line for each, or for each pair. */
  by: readonly [UsageGroup, UsageGroup?];
}

/** What one group or pair of groups of a report is. */
export interface UsageLabel {
  /**
   * Id of the key or organisation, owner, tag, name of the model or engine, the UTC day as 2026-11-20, or the UTC hour as
   * 2026-11-20T13:00Z; empty for keys without an owner or a tag and for no organisation.
   */
  group: string;
  /** The name that the key or organisation has, or had until it was deleted; else as `group`. */
  name: string;
}

/** Sums of requests. */
export interface UsageSums {
  requests: number;
  /** Requests that ended with an error of ours or an engine's. */
  failed: number;
  canceled: number;
  input: number;
  cached: number;
  output: number;
  reasoning: number;
  cost: number;
}

/** One line of a report. A key with several tags counts in the line of each. */
export interface UsageRow extends UsageLabel, UsageSums {
  /** The second group where a report is by two. */
  second?: UsageLabel;
}

export interface LedgerStore {
  /**
   * Keeps the rows, takes their cost from balances, counts it as spent and notes when keys were last used: all or
   * nothing. A row that is there already changes nothing, so rows may be given again.
   */
  add(rows: readonly LedgerRow[]): Promise<void>;
  usage(query: UsageQuery): Promise<UsageRow[]>;
  /** Single rows, newest first. */
  list(query: LedgerQuery): Promise<LedgerEntry[]>;
  /**
   * Deletes the oldest rows from before a moment, at most `limit`, and keeps their sums by the hour, so that reports show
   * the same; returns how many.
   */
  sweep(before: number, limit: number): Promise<number>;
}

/** Ledger rows on their way into the store, on the local disk: what a killed process did not write is found there. */
export interface LedgerJournal {
  /** On return the row survives the end of the process. Throws the system's error where it cannot be kept. */
  append(row: LedgerRow): void;
  /** Ends the part that was appended to; what it returns empties that part, which must be done before the next call. */
  cut(): () => void;
  /** What processes that ended left behind. */
  left(): AsyncIterable<LeftRows>;
  /** Keeps what is not written, for the next start. */
  close(): void;
}

export interface LeftRows {
  rows: readonly LedgerRow[];
  /** Lines that are no rows. */
  unreadable: number;
  /** To be called when the rows are in the store. */
  discard(): Promise<void>;
}
