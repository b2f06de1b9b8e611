import type { Arrivals } from "../../lib/arrivals.ts";
import { RoundRobin } from "../../lib/round-robin.ts";
import { afterMicrotasks, sliceMs } from "../../lib/time-slices.ts";

/**
 * When small work begins: as much as fits into a few milliseconds of each turn of the event loop, so that thousands which
 * come together do not hold it, and those of one owner in turns with those of the others.
 */
export class LoopTurns {
  // fixed at birth
  private readonly arrivals: Pick<Arrivals, "busy">;
  // changed by events
  /** What has to begin. */
  private readonly waiting = new RoundRobin<() => void>();
  /** Until when work may begin in this turn of the event loop; `undefined`: none has. */
  private until: number | undefined;

  /** `arrivals`: new connections, which come first. */
  constructor(arrivals: Pick<Arrivals, "busy"> = { busy: false }) {
    this.arrivals = arrivals;
  }

  /** Runs `begin` at once where there is room, else when it is its turn. */
  add(owner: string, begin: () => void): void {
    if (this.waiting.size === 0 && this.hasRoom()) return begin();
    this.waiting.add(owner, begin);
  }

  /** The first question of a turn opens it. */
  private hasRoom(): boolean {
    const now = performance.now();
    if (this.until === undefined) {
      this.until = now + sliceMs;
      setImmediate(() => {
        this.until = undefined;
        if (this.waiting.size > 0 && this.hasRoom()) this.beginNext();
      });
    }
    return now < this.until && !this.arrivals.busy;
  }

  private beginNext(): void {
    this.waiting.take()?.();
    // what has begun runs on in microtasks, at the cost of this turn
    afterMicrotasks(() => {
      if (this.waiting.size > 0 && this.hasRoom()) this.beginNext();
    });
  }
}
