export interface ByteBudgetOptions {
  /** Most bytes of one owner, and of all owners together. */
  perOwner: number;
  total: number;
  /** The error of one that does not fit: because of what its owner holds, or because of what all hold. */
  refusal: (bound: "owner" | "total", bytes: number) => Error;
}

/**
 * Bounds how many bytes requests hold in memory, by owner and in all. Who wants more than is free is refused at once:
 * nothing waits while it holds bytes itself.
 */
export class ByteBudget {
  // fixed at birth
  private readonly options: ByteBudgetOptions;
  // changed by events
  /** Bytes by owner; `add` changes it and deletes owners that hold none. */
  private readonly held = new Map<string, number>();
  /** Sum over all owners. */
  private sum = 0;

  constructor(options: ByteBudgetOptions) {
    this.options = options;
  }

  /** Bytes that all hold. */
  get used(): number {
    return this.sum;
  }

  /** Bytes that one owner holds. */
  usedBy(owner: string): number {
    return this.held.get(owner) ?? 0;
  }

  /** Throws the refusal where this many more bytes would not fit now. Takes nothing. */
  check(owner: string, bytes: number): void {
    const { perOwner, total, refusal } = this.options;
    if (this.usedBy(owner) + bytes > perOwner) throw refusal("owner", perOwner);
    if (this.sum + bytes > total) throw refusal("total", total);
  }

  /** A lease of an owner that holds nothing yet. */
  lease(owner: string): ByteLease {
    return new ByteLease(this, owner);
  }

  /** For leases. */
  add(owner: string, bytes: number): void {
    const left = this.usedBy(owner) + bytes;
    this.sum += bytes;
    if (left === 0) this.held.delete(owner);
    else this.held.set(owner, left);
  }
}

/**
 * The bytes of one request; given back when all who hold it have released it. After that nothing is taken, until somebody holds
 * it again: work that has not noticed yet that its caller is gone would take bytes that no one gives back.
 */
export class ByteLease {
  // fixed at birth
  private readonly budget: ByteBudget;
  readonly owner: string;
  // changed by events
  /** Bytes taken and not given back. */
  private bytes = 0;
  /** Those who hold it; the last release gives everything back. */
  private readonly holders = new Set<symbol>();
  /** What the last release calls, once. */
  private readonly afterwards: (() => void)[] = [];
  /** Set by the last release, until the next `hold`. */
  private released = false;

  constructor(budget: ByteBudget, owner: string) {
    this.budget = budget;
    this.owner = owner;
  }

  /** Throws the budget's refusal where this many bytes more would not fit now. Takes nothing. */
  check(bytes: number): void {
    this.budget.check(this.owner, bytes);
  }

  /** Takes this many bytes more, also where no one holds it yet. Throws the refusal, and takes nothing, where they do not fit. */
  grow(bytes: number): void {
    if (this.released) return;
    this.check(bytes);
    this.take(bytes);
  }

  /** Gives back this many bytes, or what is left of them. */
  shrink(bytes: number): void {
    this.take(-Math.min(bytes, this.bytes));
  }

  /** Gives everything back. */
  clear(): void {
    this.shrink(this.bytes);
  }

  /** One holder more; returns its release, of which only the first call counts. */
  hold(): () => void {
    const holder = Symbol("holder");
    this.holders.add(holder);
    this.released = false;
    return () => {
      if (!this.holders.delete(holder) || this.holders.size > 0) return;
      this.released = true;
      this.clear();
      for (const callback of this.afterwards.splice(0)) callback();
    };
  }

  /** Calls back when all who hold it have released it; at once where they have. */
  onRelease(callback: () => void): void {
    if (this.released) callback();
    else this.afterwards.push(callback);
  }

  /** Another lease of the same owner. */
  sibling(): ByteLease {
    return this.budget.lease(this.owner);
  }

  private take(bytes: number): void {
    if (bytes === 0) return;
    this.bytes += bytes;
    this.budget.add(this.owner, bytes);
  }
}

/** Memory that a text takes, in bytes: two a UTF-16 unit, one where all of it is ASCII. */
export function textBytes(text: string): number {
  // a text of Latin-1 takes one byte a unit too; it is counted with two, because only ASCII is recognized this fast
  return Buffer.byteLength(text) === text.length ? text.length : 2 * text.length;
}
