import { canceled, type ParleyError } from "../../model/error.ts";
import type { Batch, GenerationEvent } from "../../model/event.ts";

/** Batches that the process may send before the reader has taken any. */
export const batchWindow = 16;
/** Milliseconds in which the process sends what a canceled answer has cost. */
const cancelMs = 1_000;

const itemStep = /^(text|reasoning|call)-(start|end)$/;

/** One answer on its way from the process to its reader, which takes whatever has gathered since it last came. */
export class Call {
  // fixed at birth
  readonly number: number;
  /** Called with how many batches were taken. */
  private readonly taken: (count: number) => void;
  // changed by events
  /** Resolved when there is something to read; the reader then makes a new one. */
  private changed = Promise.withResolvers<void>();
  /** Events that were not taken. */
  private gathered: GenerationEvent[] = [];
  /** Batches in `gathered`. */
  private unread = 0;
  /** Batches that were taken, which the process does not count yet. */
  private unreported = 0;
  /** The item that is open in what was read. */
  private open: { kind: "text" | "reasoning" | "call"; index: number } | undefined;
  /** Nothing more comes; with the error where it ended with one. */
  private over: { error?: ParleyError } | undefined;

  constructor(number: number, taken: (count: number) => void) {
    this.number = number;
    this.taken = taken;
  }

  get isOver(): boolean {
    return this.over !== undefined;
  }

  push(events: readonly GenerationEvent[]): void {
    for (const event of events) this.gathered.push(event);
    this.unread += 1;
    this.changed.resolve();
  }

  end(error?: ParleyError): void {
    this.over ??= error === undefined ? {} : { error };
    this.changed.resolve();
  }

  /** The batches, as the port has them: an error before the first is thrown, a later one is a `finish`. */
  async *batches(signal: AbortSignal): AsyncGenerator<Batch> {
    const onAbort = (): void => this.changed.resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      let began = false;
      for (;;) {
        await this.changed.promise;
        if (signal.aborted && !began) throw canceled();
        if (signal.aborted) await this.untilOver();
        this.changed = Promise.withResolvers();
        const batch = this.take();
        if (batch.length > 0) yield batch;
        began ||= batch.length > 0;
        if (batch.at(-1)?.type === "finish") return;
        if (this.over === undefined || this.gathered.length > 0) continue;
        const { error } = this.over;
        if (error === undefined) return;
        if (!began) throw error;
        yield this.failure(error);
        return;
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** After an abort the process still sends what the answer has cost; it is not waited for long. */
  private async untilOver(): Promise<void> {
    const timer = setTimeout(() => this.end(canceled()), cancelMs);
    while (this.over === undefined) {
      this.changed = Promise.withResolvers();
      await this.changed.promise;
    }
    clearTimeout(timer);
  }

  private take(): GenerationEvent[] {
    const batch = this.gathered;
    this.gathered = [];
    this.unreported += this.unread;
    this.unread = 0;
    if (this.unreported * 2 >= batchWindow) {
      this.taken(this.unreported);
      this.unreported = 0;
    }
    for (const event of batch) {
      const [, kind, step] = itemStep.exec(event.type) ?? [];
      if (step === "end") this.open = undefined;
      else if (step === "start" && "index" in event) this.open = { kind: kind as "text", index: event.index };
    }
    return batch;
  }

  /** Closes the open item and ends the answer. */
  private failure(error: ParleyError): Batch {
    const finish: GenerationEvent = { type: "finish", reason: "error", error };
    return this.open === undefined ? [finish] : [{ type: `${this.open.kind}-end`, index: this.open.index }, finish];
  }
}
