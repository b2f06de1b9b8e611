/** Bytes that are received in one turn of the event loop, all bodies together: new memory for them takes some milliseconds. */
const turnBytes = 512 * 1024;
/** Bytes that a body which goes on is likely to receive before it can be stopped again. */
const readBytes = 64 * 1024;

/**
 * How much of all bodies is received in one turn of the event loop. Node reads up to 2 MB from every socket that is ready, so a
 * few dozen large bodies at once would hold the loop for 0.1 s in each turn.
 */
export class Intake {
  // changed by events
  /** Bytes received in this turn. */
  private taken = 0;
  /** Bodies that are not read on in this turn, the first one first. */
  private readonly waiting: (() => void)[] = [];
  /** Whether the end of the turn is awaited. */
  private scheduled = false;

  /** Notes what was received. A promise: nothing more is to be read before it resolves, in a later turn. */
  take(bytes: number): Promise<void> | undefined {
    this.taken += bytes;
    this.awaitTurn();
    if (this.taken < turnBytes && this.waiting.length === 0) return undefined;
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private awaitTurn(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.taken = 0;
      for (const goOn of this.waiting.splice(0, turnBytes / readBytes)) goOn();
      if (this.waiting.length > 0) this.awaitTurn();
    });
  }
}
