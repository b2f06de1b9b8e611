import type { ByteLease } from "../../lib/byte-budget.ts";

interface SharedRead {
  value: Promise<unknown>;
  /** Its bytes, held by everyone who reads it. */
  lease: ByteLease;
}

export interface ReadOptions<Value> {
  /** Of the reader; the bytes are held as long as it is. Without one nothing is shared. */
  lease: ByteLease | undefined;
  /** What the value takes in memory. */
  bytes: number;
  load: () => Promise<Value>;
}

/** Large values that are read from the store: everyone who asks for the same one at the same time gets one copy, counted once. */
export class SharedReads {
  // changed by events
  /** By the name of the value; an entry goes when its last reader has ended, or when it could not be loaded. */
  private readonly open = new Map<string, SharedRead>();

  /** `name`: the same for the same value of the same owner. Throws what the lease throws, before anything is loaded. */
  async read<Value>(name: string, { lease, bytes, load }: ReadOptions<Value>): Promise<Value> {
    if (lease === undefined) return load();
    const { value, lease: shared } = this.open.get(name) ?? this.begin(name, lease, { bytes, load });
    lease.onRelease(shared.hold());
    return (await value) as Value;
  }

  private begin(
    name: string,
    reader: ByteLease,
    { bytes, load }: Pick<ReadOptions<unknown>, "bytes" | "load">,
  ): SharedRead {
    const lease = reader.sibling();
    lease.grow(bytes);
    const value = load();
    const read = { value, lease };
    const forget = (): void => {
      if (this.open.get(name) === read) this.open.delete(name);
    };
    value.catch(forget);
    this.open.set(name, read);
    lease.onRelease(forget);
    return read;
  }
}
