/** What begins in one turn of the event loop, at most. */
const perTurn = 8;

/**
 * When small work begins: a few pieces in each turn of the event loop, so that thousands which come together do not hold it, and
 * those of one owner in turns with those of the others.
 */
export class LoopTurns {
  // changed by events
  /** What has to begin, by owner; the first is next, and goes to the end after its turn. */
  private readonly lanes = new Map<string, Lane>();
  /** Turns of the event loop that are asked for, each for one piece. */
  private asked = 0;

  /** Runs `begin` at once where there is room, else when it is its turn. */
  add(owner: string, begin: () => void): void {
    if (this.lanes.size > 0 || this.asked >= perTurn) {
      const lane = this.lanes.get(owner) ?? { waiting: [], next: 0 };
      lane.waiting.push(begin);
      this.lanes.set(owner, lane);
    }
    if (this.asked >= perTurn) return;
    this.ask();
    if (this.lanes.size === 0) begin();
  }

  /** What is begun in one callback runs on in microtasks before the next one: the event loop sees each alone. */
  private ask(): void {
    this.asked += 1;
    setImmediate(() => {
      this.asked -= 1;
      const begin = this.take();
      if (begin === undefined) return;
      this.ask();
      begin();
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
