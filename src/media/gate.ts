/** Bounds how much is done at once, by weight; the rest waits in order. Waiting ends with the signal. */
export class Gate {
  // fixed at birth
  private readonly capacity: number;
  // changed by events
  private used = 0;
  private readonly waiting: { weight: number; enter(): void }[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Runs `work` when there is room. What weighs more than the whole gate runs alone. */
  async run<Value>(weight: number, signal: AbortSignal, work: () => Promise<Value>): Promise<Value> {
    const share = Math.min(weight, this.capacity);
    await this.enter(share, signal);
    try {
      return await work();
    } finally {
      this.used -= share;
      this.admit();
    }
  }

  private async enter(weight: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.waiting.splice(this.waiting.indexOf(place), 1);
        reject(signal.reason as Error);
        this.admit();
      };
      const place = {
        weight,
        enter: (): void => {
          signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      this.waiting.push(place);
      this.admit();
    });
  }

  private admit(): void {
    for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
      if (this.used + next.weight > this.capacity) return;
      this.waiting.shift();
      this.used += next.weight;
      next.enter();
    }
  }
}
