import type { Arrivals } from "../../lib/arrivals.ts";
import { RoundRobin } from "../../lib/round-robin.ts";

/** What is read, and may be held back. */
export interface Reader {
  /** In whose turn it is read again. */
  readonly owner: string;
  /** Reads nothing more until `readOn`. `false` where it reads nothing now anyway. */
  holdBack(): boolean;
  readOn(): void;
}

/** How long connections are read in one turn of the event loop before the rest is held back, in milliseconds. */
const readMs = 5;
/**
 * How many at most that were held back are read again in each turn, whatever it takes: else one whose bytes come last would never be
 * read. After a turn that took too long it is half as many, down to one: a single connection may send hundreds of requests at once.
 */
const maxReadAgain = 32;

/**
 * When connections are read. One turn of the event loop reads all sockets that have something for it, so thousands of requests
 * or of resets that come at one moment would hold it. Here the rest waits for later turns, one connection of each owner after
 * another, before any of them is read.
 */
export class ReadTurns {
  // fixed at birth
  private readonly readers: ReadonlyMap<unknown, Reader>;
  private readonly arrivals: Pick<Arrivals, "busy">;
  // changed by events
  /** Those that are held back. */
  private readonly held = new RoundRobin<Reader>();
  /** Until when this turn of the event loop reads; `undefined`: nothing was read in it. */
  private until: number | undefined;
  /** What this turn has read. */
  private count = 0;
  /** How many are read again in a turn; changes with what the last one took. */
  private readAgain = maxReadAgain;
  /** Whether the next turn is asked for. */
  private scheduled = false;

  /** `readers`: all that there are at any time. `arrivals`: new connections, which come before those that are held back. */
  constructor(readers: ReadonlyMap<unknown, Reader>, arrivals: Pick<Arrivals, "busy"> = { busy: false }) {
    this.readers = readers;
    this.arrivals = arrivals;
  }

  /** Reads nothing of one until it is its turn. */
  hold(reader: Reader): void {
    if (!reader.holdBack()) return;
    this.held.add(reader.owner, reader);
    this.schedule();
  }

  /** Notes that one of them has received something that causes work. */
  note(): void {
    const now = performance.now();
    this.until ??= now + readMs;
    this.count += 1;
    this.schedule();
    // once a turn: what is held back is not read any more in it
    if (this.count <= this.readAgain || now < this.until) return;
    this.until = Infinity;
    this.holdBack();
  }

  private holdBack(): void {
    for (const reader of this.readers.values()) if (reader.holdBack()) this.held.add(reader.owner, reader);
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      const tookLong = this.until === Infinity;
      this.readAgain = tookLong ? Math.ceil(this.readAgain / 2) : Math.min(maxReadAgain, this.readAgain + 1);
      this.until = undefined;
      this.count = 0;
      if (!this.arrivals.busy) for (let count = 0; count < this.readAgain; count += 1) this.held.take()?.readOn();
      if (this.held.size > 0) this.schedule();
    });
  }
}
