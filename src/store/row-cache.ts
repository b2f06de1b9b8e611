import { LruCache } from "../lib/lru.ts";

export interface RowCacheOptions {
  /**
   * A number that never comes back once anything may have changed that was read before; `undefined` while that is not known:
   * then nothing kept is used.
   */
  stamp: () => number | undefined | Promise<number | undefined>;
  /** The rows that were used last are kept. */
  maxRows: number;
}

/** Rows in memory for as long as they are what the database holds. */
export class RowCache<Row extends object | boolean> {
  // fixed at birth
  private readonly options: RowCacheOptions;
  // changed by events
  /** By name; made anew when the stamp changes. */
  private rows: LruCache<string, Row>;
  /** The stamp under which all of `rows` were read. */
  private stamp: number | undefined;
  /** How often `forget` was called: what was being read then may be older. */
  private forgotten = 0;

  constructor(options: RowCacheOptions) {
    this.options = options;
    this.rows = new LruCache({ maxEntries: options.maxRows });
  }

  /** The rows of these names in their order; `read` returns those that are not in memory. What it does not find is not kept. */
  async get(
    names: readonly string[],
    read: (missing: readonly string[]) => Promise<ReadonlyMap<string, Row>>,
  ): Promise<(Row | undefined)[]> {
    // before the rows: what changes while they are read has another stamp
    const stamp = await this.options.stamp();
    if (stamp !== undefined && stamp !== this.stamp) this.begin(stamp);
    const known = stamp === undefined ? [] : names.map((name) => this.rows.get(name));
    const missing = names.filter((_name, at) => known[at] === undefined);
    if (missing.length === 0) return known;
    const { forgotten } = this;
    const found = await read(missing);
    if (stamp !== undefined && stamp === this.stamp && forgotten === this.forgotten)
      for (const [name, row] of found) this.rows.set(name, row);
    return names.map((name, at) => known[at] ?? found.get(name));
  }

  /** Rows that this process has changed without a change of the stamp. */
  forget(names: readonly string[]): void {
    this.forgotten += 1;
    for (const name of names) this.rows.delete(name);
  }

  private begin(stamp: number): void {
    this.rows = new LruCache({ maxEntries: this.options.maxRows });
    this.stamp = stamp;
  }
}
