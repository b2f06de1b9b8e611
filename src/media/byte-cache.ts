/** Keeps the values used last, up to a number of bytes. A value over the whole bound is not kept. */
export class ByteCache<Value> {
  // fixed at birth
  private readonly limit: number;
  private readonly weigh: (value: Value) => number;
  // changed by events
  private readonly entries = new Map<string, Value>();
  bytes = 0;

  constructor(limit: number, weigh: (value: Value) => number) {
    this.limit = limit;
    this.weigh = weigh;
  }

  get(key: string): Value | undefined {
    const value = this.entries.get(key);
    if (value === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.drop(key);
    const weight = this.weigh(value);
    if (weight > this.limit) return;
    this.entries.set(key, value);
    this.bytes += weight;
    for (const oldest of this.entries.keys()) {
      if (this.bytes <= this.limit) return;
      this.drop(oldest);
    }
  }

  private drop(key: string): void {
    const value = this.entries.get(key);
    if (value === undefined) return;
    this.entries.delete(key);
    this.bytes -= this.weigh(value);
  }
}
