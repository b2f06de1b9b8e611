import type { Arrivals } from "../../lib/arrivals.ts";
import { afterMicrotasks, sliceMs } from "../../lib/time-slices.ts";

/**
 * When small work begins: as much as fits into a few milliseconds of each turn of the event loop, so that thousands which
 * come together do not hold it, and those of one owner in turns with those of the others.
 */
export class LoopTurns {
  // fixed at birth
  private readonly arrivals: Pick<Arrivals, "busy">;
  // changed by events
  /** What has to begin, by owner; the first is next, and goes to the end after its turn. */
  private readonly lanes = new Map<string, Lane>();
  /** Until when work may begin in this turn of the event loop; `undefined`: none has. */
  private until: number | undefined;

  /** `arrivals`: new connections, which come first. */
  constructor(arrivals: Pick<Arrivals, "busy"> = { busy: false }) {
    this.arrivals = arrivals;
  }

  /** Runs `begin` at once where there is room, else when it is its turn. */
  add(owner: string, begin: () => void): void {
    if (this.lanes.size === 0 && this.hasRoom()) return begin();
    const lane = this.lanes.get(owner) ?? { waiting: [], next: 0 };
    lane.waiting.push(begin);
    this.lanes.set(owner, lane);
  }

  /** The first question of a turn opens it. */
  private hasRoom(): boolean {
    const now = performance.now();
    if (this.until === undefined) {
      this.until = now + sliceMs;
      setImmediate(() => {
        this.until = undefined;
        if (this.lanes.size > 0 && this.hasRoom()) this.beginNext();
      });
    }
    return now < this.until && !this.arrivals.busy;
  }

  private beginNext(): void {
    this.take()?.();
    // what has begun runs on in microtasks, at the cost of this turn
    afterMicrotasks(() => {
      if (this.lanes.size > 0 && this.hasRoom()) this.beginNext();
    });
  }

  private take(): (() => void) | undefined {
    const [first] = this.lanes;
    if (first === undefined) return undefined;
    const [owner, lane] = first;
    const begin = lane.waiting[lane.next];
    lane.next += 1;
    this.lanes.delete(owner);
    if (lane.next < lane.waiting.length) this.lanes.set(owner, lane);
    return begin;
  }
}

interface Lane {
  waiting: (() => void)[];
  /** Place of the next one; those before it have begun. */
  next: number;
}
