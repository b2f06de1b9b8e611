import { onceOrAborted } from "../lib/abort.ts";
import { WaitQueue, type Waiter } from "../lib/wait-queue.ts";
import { canceled } from "../model/error.ts";
import type { KeyId } from "../model/id.ts";

/**
 * Who is next when an engine is busy. `priority` goes before `standard`; within one of them the key with the fewest
 * answers under way, then the one that waited longest since its last turn; within a key, who came first. An engine with
 * free slots, or one that does not report their number, makes nobody wait.
 */

export interface Turn {
  keyId: KeyId;
  tier: "standard" | "priority";
}

/** The queue in front of one engine. */
export class FairQueue {
  // fixed at birth
  private readonly capacity: () => number;
  private readonly queue = new WaitQueue<Turn, void>(canceled);
  // changed by events
  /** Turns under way by key; `take` and `giveBack` count. */
  private readonly running = new Map<KeyId, number>();
  /** Turns under way of all keys. */
  private taken = 0;
  /** Turns given so far; numbers them for `lastTurn`. */
  private turns = 0;
  /** Number of each key's last turn; `take` sets it, and it is cleared when no turn is under way. */
  private readonly lastTurn = new Map<KeyId, number>();

  /** `capacity`: answers the engine can give at once, `Infinity` where unknown, 0 while it is not open yet. */
  constructor(capacity: () => number) {
    this.capacity = capacity;
  }

  get waiting(): number {
    return this.queue.size;
  }

  /**
   * Resolves when it is this request's turn; call the result when the answer is over (again does nothing). Rejects
   * `canceled` when the signal aborts first; an abort later gives the turn back too.
   */
  async enter(turn: Turn, signal: AbortSignal): Promise<() => void> {
    this.queue.throwIfAborted(signal);
    if (this.queue.size > 0 || !this.hasRoom()) await this.queue.wait(turn, signal);
    else this.take(turn);
    return onceOrAborted(signal, () => this.giveBack(turn));
  }

  private hasRoom(): boolean {
    const capacity = this.capacity();
    return capacity < 1 || this.taken < capacity;
  }

  private take({ keyId }: Turn): void {
    this.taken += 1;
    this.running.set(keyId, this.count(keyId) + 1);
    this.lastTurn.set(keyId, ++this.turns);
  }

  private giveBack({ keyId }: Turn): void {
    this.taken -= 1;
    const left = this.count(keyId) - 1;
    if (left > 0) this.running.set(keyId, left);
    else this.running.delete(keyId);
    while (this.queue.size > 0 && this.hasRoom()) this.grantNext();
    if (this.taken === 0) this.lastTurn.clear();
  }

  private grantNext(): void {
    let next: Waiter<Turn, void> | undefined;
    for (const waiter of this.queue) {
      if (next === undefined || this.isBefore(waiter.request, next.request)) next = waiter;
    }
    if (next === undefined) return;
    this.take(next.request);
    next.grant();
  }

  private isBefore(a: Turn, b: Turn): boolean {
    if (a.tier !== b.tier) return a.tier === "priority";
    if (this.count(a.keyId) !== this.count(b.keyId)) return this.count(a.keyId) < this.count(b.keyId);
    return (this.lastTurn.get(a.keyId) ?? 0) < (this.lastTurn.get(b.keyId) ?? 0);
  }

  private count(keyId: KeyId): number {
    return this.running.get(keyId) ?? 0;
  }
}
