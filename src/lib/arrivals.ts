/** How long new connections may go before other work, in milliseconds, and how long that work then goes before them. */
const acceptMs = 10;
const workMs = 5;
/** New connections from which on there are many. */
const crowd = 8;
/** How many of those that wait go first, whatever it takes: a busy machine may give the process no more than that time. */
const acceptAtLeast = 128;

/**
 * New connections before work that can wait: a turn of the event loop accepts one of them (libuv 1.52), so while they come in
 * turns are kept short, for a few milliseconds at a time. A caller among hundreds who come at once is then soon among those
 * that are served.
 */
export class Arrivals {
  // changed by events
  /** Until when work waits; `undefined`: it does not. Ends earlier when a turn brings no connection. */
  private acceptUntil: number | undefined;
  /** Before that, in milliseconds, work does not wait again. */
  private workUntil = 0;
  /** Whether one came since the last look. */
  private arrived = false;
  /** How many came while work waited. */
  private count = 0;

  /** Whether work has to wait for connections that come in. */
  get busy(): boolean {
    return this.acceptUntil !== undefined && (this.count < acceptAtLeast || performance.now() < this.acceptUntil);
  }

  /** The same, and many have come already. */
  get crowded(): boolean {
    return this.count >= crowd && this.busy;
  }

  /** Notes a new connection. */
  note(): void {
    this.arrived = true;
    this.count += 1;
    if (this.acceptUntil !== undefined) return;
    const now = performance.now();
    if (now < this.workUntil) return;
    this.acceptUntil = now + acceptMs;
    this.count = 1;
    this.nextTurn();
  }

  /** Looks after each turn whether it brought a connection. */
  private nextTurn(): void {
    setImmediate(() => {
      if (!this.arrived || !this.busy) {
        this.acceptUntil = undefined;
        this.workUntil = performance.now() + workMs;
        return;
      }
      this.arrived = false;
      this.nextTurn();
    });
  }
}
