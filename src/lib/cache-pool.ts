export interface CachePoolOptions {
  /** Most bytes of all caches of one owner, and of all caches. */
  perOwner: number;
  total: number;
}

/** A cache that can be made smaller. */
export interface PooledCache {
  /** Bytes of all it holds. */
  readonly size: number;
  /** Forgets what was not used for the longest time; afterwards it holds fewer entries. */
  forgetOldest(): void;
}

/** The place of one cache in a pool. */
export interface PoolMember {
  /** To be called when the cache has grown or shrunk. */
  changed(): void;
  /** The cache ends. */
  leave(): void;
}

interface Owner {
  bytes: number;
  /** The size of each cache when it last changed. */
  caches: Map<PooledCache, number>;
}

/**
 * Caches of many owners under one bound of bytes. Where it is passed, the largest cache of the largest owner forgets: who
 * fills the memory loses its own entries, never those of others.
 */
export class CachePool {
  // fixed at birth
  private readonly options: CachePoolOptions;
  // changed by events
  /** By owner; `join` makes them, the last `leave` deletes them. */
  private readonly owners = new Map<string, Owner>();
  /** Sum over all owners. */
  private total = 0;

  constructor(options: CachePoolOptions) {
    this.options = options;
  }

  /** Bytes of all caches. */
  get size(): number {
    return this.total;
  }

  join(name: string, cache: PooledCache): PoolMember {
    const owner: Owner = this.owners.get(name) ?? { bytes: 0, caches: new Map() };
    this.owners.set(name, owner);
    owner.caches.set(cache, 0);
    return {
      changed: () => {
        if (!owner.caches.has(cache)) return;
        this.measure(owner, cache);
        while (owner.bytes > this.options.perOwner) this.shrink(owner);
        while (this.total > this.options.total) this.shrink(this.largestOwner());
      },
      leave: () => {
        this.add(owner, -(owner.caches.get(cache) ?? 0));
        owner.caches.delete(cache);
        if (owner.caches.size === 0) this.owners.delete(name);
      },
    };
  }

  private measure(owner: Owner, cache: PooledCache): void {
    this.add(owner, cache.size - (owner.caches.get(cache) ?? 0));
    owner.caches.set(cache, cache.size);
  }

  private add(owner: Owner, bytes: number): void {
    owner.bytes += bytes;
    this.total += bytes;
  }

  private shrink(owner: Owner): void {
    const [cache] = largest(owner.caches, (size) => size);
    cache.forgetOldest();
    this.measure(owner, cache);
  }

  private largestOwner(): Owner {
    return largest(this.owners, ({ bytes }) => bytes)[1];
  }
}

/** Of a map with an entry at least. */
function largest<Key, Value>(map: ReadonlyMap<Key, Value>, sizeOf: (value: Value) => number): [Key, Value] {
  let found: [Key, Value] | undefined;
  for (const entry of map) if (found === undefined || sizeOf(entry[1]) > sizeOf(found[1])) found = entry;
  if (found === undefined) throw new Error("a pool without caches holds nothing");
  return found;
}
