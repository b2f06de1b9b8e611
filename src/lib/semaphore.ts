import type { AbortError } from "./abort.ts";
import { WaitQueue } from "./wait-queue.ts";

export interface SemaphoreOptions {
  /** What an aborted `acquire` is rejected with; default the signal's reason. */
  abortError?: AbortError | undefined;
  /** How many may wait, and the error of one more; default no limit. */
  queue?: { limit: number; full: () => Error } | undefined;
}

/** Bounds how much is done at once, by weight; the rest waits, first come first served. */
export class Semaphore {
  // fixed at birth
  readonly capacity: number;
  private readonly limit: SemaphoreOptions["queue"];
  private readonly queue: WaitQueue<number, void>;
  // changed by events
  /** Weight that is acquired and not released; `acquire`, `grantNext` and a release change it. */
  private acquired = 0;

  constructor(capacity: number, { abortError, queue }: SemaphoreOptions = {}) {
    this.capacity = capacity;
    this.limit = queue;
    this.queue = new WaitQueue(abortError);
  }

  /** Weight under way. */
  get running(): number {
    return this.acquired;
  }

  /** How many wait. */
  get waiting(): number {
    return this.queue.size;
  }

  /**
   * Resolves when there is room, with what gives it back; calling that again does nothing. More weight than the capacity
   * counts as the capacity. Rejects when the signal aborts first, and when too many wait already.
   */
  async acquire(signal: AbortSignal, weight = 1): Promise<() => void> {
    this.queue.throwIfAborted(signal);
    const share = Math.min(weight, this.capacity);
    if (this.queue.size === 0 && this.hasRoom(share)) this.acquired += share;
    else if (this.limit !== undefined && this.queue.size >= this.limit.limit) throw this.limit.full();
    else await this.queue.wait(share, signal, () => this.grantNext());
    let held = true;
    return () => {
      if (held) this.acquired -= share;
      held = false;
      this.grantNext();
    };
  }

  /** Runs `work` while holding `weight`. */
  async run<Value>(weight: number, signal: AbortSignal, work: () => Promise<Value>): Promise<Value> {
    const release = await this.acquire(signal, weight);
    try {
      return await work();
    } finally {
      release();
    }
  }

  private hasRoom(share: number): boolean {
    return this.acquired + share <= this.capacity;
  }

  /** Room goes straight to the one who waits longest, so that a newcomer can never overtake the queue. */
  private grantNext(): void {
    for (let next = this.queue.first; next !== undefined && this.hasRoom(next.request); next = this.queue.first) {
      this.acquired += next.request;
      next.grant();
    }
  }
}
