import type { ParleyError } from "../../model/error.ts";
import type { JsonObject } from "../../model/json.ts";
import type { ResponseEvent } from "../../model/response.ts";
import { Transcript } from "../../model/transcript.ts";
import type { AnswerFacts } from "../generation.ts";
import type { ResponseAnswer } from "./answer.ts";
import type { ResponseEncoder } from "./codec.ts";

/** A response that is being made and stored: its events so far, for any number of readers. */
export class KeptAnswer implements ResponseAnswer {
  // fixed at birth
  readonly id: string;
  /** The key that asked for it. */
  readonly owner: string;
  readonly background: boolean;
  readonly encoder: ResponseEncoder;
  private readonly aborter = new AbortController();
  // changed by events
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

  constructor(options: { id: string; owner: string; background: boolean; encoder: ResponseEncoder }) {
    this.id = options.id;
    this.owner = options.owner;
    this.background = options.background;
    this.encoder = options.encoder;
  }

  /** Aborts the work. */
  get signal(): AbortSignal {
    return this.aborter.signal;
  }

  abort(): void {
    this.aborter.abort();
  }

  publish(events: readonly ResponseEvent[]): void {
    this.published.push(...events);
    this.wake();
  }

  /** No event follows. */
  end(): void {
    this.state = "over";
    this.wake();
  }

  async *events(after: number, signal: AbortSignal): AsyncGenerator<readonly ResponseEvent[]> {
    let next = after + 1;
    // a reader whose own abort ended the answer still gets its last events
    while (!signal.aborted || this.signal.aborted) {
      if (next < this.published.length) {
        const fresh = this.published.slice(next);
        next = this.published.length;
        yield fresh;
      } else if (this.state === "over") break;
      else await this.change(signal);
    }
    if (this.storeError !== undefined) throw this.storeError;
  }

  snapshot(): JsonObject {
    const queued = this.state === "queued" && this.background;
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
