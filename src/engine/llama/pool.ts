import { WaitQueue } from "../../lib/wait-queue.ts";
import { canceled, ParleyError } from "../../model/error.ts";

/** One place to generate in, with the tokens its cache holds. */
export interface Slot<Sequence> {
  readonly sequence: Sequence;
  /** Tokens whose state is kept; the next prompt that begins with them need not read them again. */
  held: readonly number[];
}

/** How many tokens two lists share from the start. */
export function commonPrefix(one: readonly number[], other: readonly number[]): number {
  const end = Math.min(one.length, other.length);
  let length = 0;
  while (length < end && one[length] === other[length]) length++;
  return length;
}

/**
 * Lends slots: the free one that shares the longest prefix with the prompt, else the one unused for longest. When none
 * is free, requests wait, first come first served; one that is aborted leaves the queue at once.
 */
export class SlotPool<Sequence> {
  // fixed at birth
  readonly size: number;
  private readonly queue = new WaitQueue<undefined, Slot<Sequence>>(canceled);
  // changed by events
  /** In order of release, oldest first; `acquire` takes from it, `release` adds to it. */
  private readonly free: Slot<Sequence>[];
  /** Set by `close`; from then on no one gets a slot. */
  private closed = false;

  constructor(sequences: readonly Sequence[]) {
    this.size = sequences.length;
    this.free = sequences.map((sequence) => ({ sequence, held: [] }));
  }

  get running(): number {
    return this.size - this.free.length;
  }

  get waiting(): number {
    return this.queue.size;
  }

  /** Resolves with a slot; rejects `canceled` on abort and `overloaded` once the pool is closed. */
  async acquire(tokens: readonly number[], signal: AbortSignal): Promise<Slot<Sequence>> {
    this.queue.throwIfAborted(signal);
    if (this.closed) throw closing();
    return this.pick(tokens) ?? (await this.queue.wait(undefined, signal));
  }

  release(slot: Slot<Sequence>): void {
    const next = this.queue.first;
    if (next === undefined) this.free.push(slot);
    else next.grant(slot);
  }

  /** Refuses everyone who waits and everyone who comes. */
  close(): void {
    this.closed = true;
    for (let waiter = this.queue.first; waiter !== undefined; waiter = this.queue.first) waiter.refuse(closing());
  }

  private pick(tokens: readonly number[]): Slot<Sequence> | undefined {
    let best: Slot<Sequence> | undefined;
    let longest = 0;
    for (const slot of this.free) {
      const shared = commonPrefix(slot.held, tokens);
      // a short common head (the same system line) is no reason to throw away another conversation's cache
      const worth = shared * 2 >= tokens.length || shared * 2 >= slot.held.length;
      if (shared > longest && worth) [best, longest] = [slot, shared];
    }
    const chosen = best ?? this.free[0];
    if (chosen !== undefined) this.free.splice(this.free.indexOf(chosen), 1);
    return chosen;
  }
}

export function closing(): ParleyError {
  return new ParleyError("overloaded", "the engine is shutting down");
}
