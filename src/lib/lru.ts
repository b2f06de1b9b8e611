export interface LruLimits<Value> {
  /** Most entries; default no bound. */
  maxEntries?: number;
  /** Most of what `sizeOf` sums to over all entries, for example bytes; default no bound. */
  maxSize?: number;
  sizeOf?: (value: Value) => number;
}

/** Keeps the entries that were used last, within its bounds. A value larger than `maxSize` is not kept. */
export class LruCache<Key, Value> {
  // fixed at birth
  private readonly maxEntries: number;
  private readonly maxSize: number;
  private readonly sizeOf: (value: Value) => number;
  // changed by events
  /** Least recently used first: `get` and `set` move an entry to the end. */
  private readonly entries = new Map<Key, { value: Value; size: number }>();
  /** Sum of the entries' sizes; `set` and `delete` keep it. */
  private total = 0;

  constructor({ maxEntries = Infinity, maxSize = Infinity, sizeOf = () => 0 }: LruLimits<Value>) {
    this.maxEntries = maxEntries;
    this.maxSize = maxSize;
    this.sizeOf = sizeOf;
  }

  /** What `sizeOf` sums to over all entries. */
  get size(): number {
    return this.total;
  }

  /** Does not count as a use. */
  has(key: Key): boolean {
    return this.entries.has(key);
  }

  get(key: Key): Value | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.value;
  }

  set(key: Key, value: Value): void {
    this.delete(key);
    const size = this.sizeOf(value);
    if (size > this.maxSize) return;
    this.entries.set(key, { value, size });
    this.total += size;
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= this.maxEntries && this.total <= this.maxSize) return;
      this.delete(oldest);
    }
  }

  /** Deletes the entry that was not used for the longest time. */
  deleteOldest(): void {
    for (const oldest of this.entries.keys()) return this.delete(oldest);
  }

  delete(key: Key): void {
    this.total -= this.entries.get(key)?.size ?? 0;
    this.entries.delete(key);
  }
}
