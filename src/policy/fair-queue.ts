import { canceled } from "../model/error.ts";

/**
 * Who is next when an engine is busy. `priority` goes before `standard`; within one of them the key with the fewest
 * answers under way, then the one that waited longest since its last turn; within a key, who came first. An engine with
 * room, or one that does not tell its room, makes nobody wait. It cannot fail.
 */

export interface Turn {
  keyId: string;
  tier: "standard" | "priority";
}

interface Waiter extends Turn {
  enter(): void;
}

/** The line in front of one engine. `room`: answers it can give at once, `Infinity` where unknown. */
export class FairQueue {
  // fixed at birth
  private readonly room: () => number;
  // changed by events
  private readonly running = new Map<string, number>();
  private taken = 0;
  private turns = 0;
  private readonly lastTurn = new Map<string, number>();
  private readonly waiters = new Set<Waiter>();

  constructor(room: () => number) {
    this.room = room;
  }

  get waiting(): number {
    return this.waiters.size;
  }

  /**
   * A turn; call the result when the answer is over (more than once does no harm). Throws `canceled` when the signal
   * aborts first; an abort later gives the turn back too.
   */
  async enter(turn: Turn, signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) throw canceled();
    if (this.waiters.size > 0 || !this.hasRoom()) await this.wait(turn, signal);
    else this.take(turn);
    let held = true;
    const leave = (): void => {
      if (!held) return;
      held = false;
      signal.removeEventListener("abort", leave);
      this.giveBack(turn);
    };
    signal.addEventListener("abort", leave, { once: true });
    // aborted in the very moment of entering
    if (signal.aborted) leave();
    return leave;
  }

  private hasRoom(): boolean {
    const room = this.room();
    // an engine that is not open yet has no room to tell
    return room < 1 || this.taken < room;
  }

  private wait(turn: Turn, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const give = (): void => {
        this.waiters.delete(waiter);
        reject(canceled());
      };
      const waiter: Waiter = {
        ...turn,
        enter: () => {
          signal.removeEventListener("abort", give);
          resolve();
        },
      };
      signal.addEventListener("abort", give, { once: true });
      this.waiters.add(waiter);
    });
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
    while (this.waiters.size > 0 && this.hasRoom()) this.admitNext();
    if (this.taken === 0) this.lastTurn.clear();
  }

  private admitNext(): void {
    let next: Waiter | undefined;
    for (const waiter of this.waiters) if (next === undefined || this.isBefore(waiter, next)) next = waiter;
    if (next === undefined) return;
    this.waiters.delete(next);
    this.take(next);
    next.enter();
  }

  private isBefore(a: Waiter, b: Waiter): boolean {
    if (a.tier !== b.tier) return a.tier === "priority";
    if (this.count(a.keyId) !== this.count(b.keyId)) return this.count(a.keyId) < this.count(b.keyId);
    return (this.lastTurn.get(a.keyId) ?? 0) < (this.lastTurn.get(b.keyId) ?? 0);
  }

  private count(keyId: string): number {
    return this.running.get(keyId) ?? 0;
  }
}
