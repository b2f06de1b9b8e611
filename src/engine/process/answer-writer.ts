import type { Batch, GenerationEvent } from "../../model/event.ts";

/** How long events wait for others at most, in milliseconds; and as a share of the time that the answer has run. */
const longestWaitMs = 8;
const waitShare = 1 / 16;

/**
 * Gathers the events of one answer: each batch costs both processes some time (about 0.05 ms, November 2026), which a
 * tiny model feels. A model of less than 125 tokens a second sends each token by itself, at once.
 */
export class AnswerWriter {
  // fixed at birth
  private readonly write: (batch: Batch) => void;
  private readonly startedAt = performance.now();
  // changed by events
  /** Events that were not written. */
  private gathered: GenerationEvent[] = [];
  /** Whether what gathers will be written by itself. */
  private planned = false;
  /** When events were written last; before the first ones, nothing waits. */
  private writtenAt: number | undefined;

  constructor(write: (batch: Batch) => void) {
    this.write = write;
  }

  push(batch: Batch): void {
    for (const event of batch) this.gathered.push(event);
    if (this.writtenAt === undefined) return this.flush();
    if (this.planned) return;
    this.planned = true;
    const now = performance.now();
    const waitMs = Math.min(longestWaitMs, (now - this.startedAt) * waitShare) - (now - this.writtenAt);
    if (waitMs >= 1) setTimeout(() => this.flush(), waitMs);
    // a turn later the model computes its next token, and this thread has nothing else to do
    else setImmediate(() => setImmediate(() => this.flush()));
  }

  /** Writes what has gathered, now. */
  flush(): void {
    this.planned = false;
    if (this.gathered.length === 0) return;
    this.writtenAt = performance.now();
    const batch = this.gathered;
    this.gathered = [];
    this.write(batch);
  }
}
