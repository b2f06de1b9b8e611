export interface LruLimits<Value> {
  /** Most entries; default no bound. */
  maxEntries?: number;
  /** Most of what `sizeOf` sums to over all entries, for example bytes; default no bound. */
  maxSize?: number;
  sizeOf?: (value: Value) => number;
}

/** A value and its neighbours in the order of use. */
interface Entry<Key, Value> {
  readonly key: Key;
  readonly value: Value;
  readonly size: number;
  older: Entry<Key, Value> | undefined;
  newer: Entry<Key, Value> | undefined;
}

/**
 * Keeps the entries that were used last, within its bounds. A value larger than `maxSize` is not kept. The order of use is a
 * list of its own: the first key of a map is slow to find after many deletions.
 */
export class LruCache<Key, Value> {
  // fixed at birth
  private readonly maxEntries: number;
  private readonly maxSize: number;
  private readonly sizeOf: (value: Value) => number;
  // changed by events
  /** By key; `set` and `delete` change it. */
  private readonly entries = new Map<Key, Entry<Key, Value>>();
  /** Least recently used. */
  private oldest: Entry<Key, Value> | undefined;
  /** Most recently used: `get` and `set` move an entry here. */
  private newest: Entry<Key, Value> | undefined;
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
    this.unlink(entry);
    this.append(entry);
    return entry.value;
  }

  set(key: Key, value: Value): void {
    this.delete(key);
    const size = this.sizeOf(value);
    if (size > this.maxSize) return;
    const entry: Entry<Key, Value> = { key, value, size, older: undefined, newer: undefined };
    this.entries.set(key, entry);
    this.append(entry);
    this.total += size;
    while (this.entries.size > this.maxEntries || this.total > this.maxSize) this.deleteOldest();
  }

  /** Deletes the entry that was not used for the longest time. */
  deleteOldest(): void {
    if (this.oldest !== undefined) this.delete(this.oldest.key);
  }

  delete(key: Key): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    this.entries.delete(key);
    this.unlink(entry);
    this.total -= entry.size;
  }

  private append(entry: Entry<Key, Value>): void {
    entry.older = this.newest;
    entry.newer = undefined;
    if (this.newest === undefined) this.oldest = entry;
    else this.newest.newer = entry;
    this.newest = entry;
  }

  private unlink({ older, newer }: Entry<Key, Value>): void {
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.newest = older;
    else newer.older = older;
  }
}
