import { canceled, ParleyError } from "../../model/error.ts";

/** A fixed number of places, handed out in the order of asking. Whoever aborts while waiting leaves the queue at once. */
export class Slots {
  // fixed at birth
  readonly size: number;
  private readonly queueLimit: number;
  // changed by events
  private taken = 0;
  private readonly queue = new Set<() => void>();

  constructor(size: number, queueLimit = Infinity) {
    this.size = size;
    this.queueLimit = queueLimit;
  }

  get running(): number {
    return this.taken;
  }

  get waiting(): number {
    return this.queue.size;
  }

  /**
   * A place; call the result to give it back (more than once does no harm).
   *
   * Throws kind `overloaded` when the queue is full and kind `canceled` when the signal aborts first.
   */
  async acquire(signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) throw canceled();
    if (this.taken < this.size) this.taken += 1;
    else if (this.queue.size >= this.queueLimit)
      throw new ParleyError("overloaded", "every slot is busy", { retryAfter: 1 });
    else await this.turn(signal);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.release();
    };
  }

  private turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        this.queue.delete(enter);
        reject(canceled());
      };
      this.queue.add(enter);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** The place goes straight to the next in line, so that a newcomer can never overtake the queue. */
  private release(): void {
    for (const enter of this.queue) {
      this.queue.delete(enter);
      enter();
      return;
    }
    this.taken -= 1;
  }
}
