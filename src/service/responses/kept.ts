import { textBytes, type ByteLease } from "../../lib/byte-budget.ts";
import type { ParleyError } from "../../model/error.ts";
import type { Batch } from "../../model/event.ts";
import type { JsonObject } from "../../model/json.ts";
import type { ResponseEvent } from "../../model/response.ts";
import { Transcript } from "../../model/transcript.ts";
import type { AnswerFacts } from "../generation.ts";
import type { ResponseAnswer } from "./answer.ts";
import type { ResponseEncoder } from "./codec.ts";
import type { AnswerSource } from "./source.ts";

export interface KeptOptions {
  id: string;
  owner: string;
  background: boolean;
  /** Makes the encoder; a new one where the answer is begun again. */
  encoder: () => ResponseEncoder;
  /** Bytes of the request; the events are counted with them, and all is held until the answer is over. */
  lease?: ByteLease | undefined;
}

/** About what an event takes in memory besides its texts; nested values are mostly shared with the transcript. */
const bytesPerEvent = 400;

function eventBytes(event: ResponseEvent): number {
  let bytes = bytesPerEvent;
  for (const value of Object.values(event)) if (typeof value === "string") bytes += textBytes(value);
  return bytes;
}

function bytesOf(events: readonly ResponseEvent[]): number {
  return events.reduce((sum, event) => sum + eventBytes(event), 0);
}

/** A response that is being made and stored: its events so far, for any number of readers. */
export class KeptAnswer implements ResponseAnswer {
  // fixed at birth
  readonly id: string;
  /** The key that asked for it. */
  readonly owner: string;
  readonly background: boolean;
  private readonly newEncoder: () => ResponseEncoder;
  private readonly lease: ByteLease | undefined;
  /** Gives back the bytes of the request and of the events. */
  private readonly release: (() => void) | undefined;
  private readonly aborter = new AbortController();
  // changed by events
  /** Replaced when the answer is begun again. */
  encoder: ResponseEncoder;
  /** Whether somebody has got something that an engine wrote; set by readers. */
  private shown = false;
  /** Events before those of an engine; set when an engine has begun. */
  private queuedCount = 0;
  /** Set when an engine has begun. */
  facts: AnswerFacts | undefined;
  /** Replaced by the engine's transcript when an engine has begun. */
  transcript = new Transcript();
  /** `queued` until an engine has begun; `over` when the outcome is stored, or could not be. */
  state: "queued" | "running" | "over" = "queued";
  /** All published events. */
  readonly published: ResponseEvent[] = [];
  /** Why the outcome could not be stored. */
  storeError: ParleyError | undefined;
  /** Settles, never rejects, when the answer is over. Set by the owner of the work. */
  finished: Promise<void> = Promise.resolve();
  /** One entry for each reader that waits for the next event. */
  private readonly waiting = new Set<() => void>();

  constructor(options: KeptOptions) {
    this.id = options.id;
    this.owner = options.owner;
    this.background = options.background;
    this.newEncoder = options.encoder;
    this.encoder = options.encoder();
    this.lease = options.lease;
    this.release = options.lease?.hold();
  }

  /** Aborts the work. */
  get signal(): AbortSignal {
    return this.aborter.signal;
  }

  abort(): void {
    this.aborter.abort();
  }

  /** No reader has got anything of the answer: it may be begun again. */
  get unseen(): boolean {
    return !this.shown;
  }

  /** The events of a batch that the transcript holds. Where it begins the answer again, those before it are void. */
  accept(batch: Batch): ResponseEvent[] {
    const again = this.published.length > this.queuedCount && batch[0]?.type === "begin";
    if (again) {
      const dropped = this.published.splice(this.queuedCount);
      this.lease?.shrink(bytesOf(dropped));
      this.encoder = this.newEncoder();
      // numbers go on behind those that stay
      if (this.queuedCount > 0) this.encoder.queued();
    }
    return this.encoder.accept(batch, this.transcript);
  }

  /** Throws what the lease throws where the events do not fit into memory any more. */
  publish(events: readonly ResponseEvent[]): void {
    const growing = this.transcript.finish === undefined;
    // the end is always published: it is bounded, and it says what happened
    if (growing) this.lease?.grow(bytesOf(events));
    this.published.push(...events);
    this.wake();
  }

  /** An engine has begun. */
  begin({ transcript, facts }: Pick<AnswerSource, "transcript" | "facts">): void {
    this.transcript = transcript;
    this.facts = facts;
    this.queuedCount = this.published.length;
    this.state = "running";
  }

  /** No event follows. */
  end(): void {
    this.state = "over";
    this.release?.();
    this.wake();
  }

  async *events(after: number, signal: AbortSignal): AsyncGenerator<readonly ResponseEvent[]> {
    let next = after + 1;
    // a reader whose own abort ended the answer still gets its last events
    while (!signal.aborted || this.signal.aborted) {
      if (next < this.published.length) {
        const fresh = this.published.slice(next);
        next = this.published.length;
        this.shown ||= this.state !== "queued";
        yield fresh;
      } else if (this.state === "over") break;
      else await this.change(signal);
    }
    if (this.storeError !== undefined) throw this.storeError;
  }

  async snapshot(): Promise<JsonObject> {
    const queued = this.state === "queued" && this.background;
    this.shown ||= this.transcript.items.length > 0;
    // what is shown as over can be referred to
    if (this.transcript.finish !== undefined) await this.finished;
    return this.encoder.body(this.transcript, queued ? "queued" : undefined);
  }

  async body(): Promise<JsonObject> {
    await this.finished;
    if (this.storeError !== undefined) throw this.storeError;
    return this.encoder.body(this.transcript);
  }

  private change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        this.waiting.delete(settle);
        signal.removeEventListener("abort", settle);
        resolve();
      };
      this.waiting.add(settle);
      signal.addEventListener("abort", settle);
    });
  }

  private wake(): void {
    for (const settle of [...this.waiting]) settle();
  }
}
