import type { ParleyError } from "../../model/error.ts";
import type { Batch } from "../../model/event.ts";
import type { IdSource } from "../../model/id.ts";
import { Transcript } from "../../model/transcript.ts";
import { bodySource, ResponseEvents, responseBody } from "../../surface/responses/index.ts";
import type { ResponseEvent, ResponsesOptions, ResponsesAnswerOptions } from "../../surface/responses/index.ts";
import type { ParsedRequest } from "../../surface/surface.ts";
import type { AnswerFacts } from "../answer-headers.ts";

/** One response being made: its events so far, for any number of followers, each from any number on. */
export class LiveResponse {
  // fixed at birth
  readonly parsed: ParsedRequest<ResponsesAnswerOptions>;
  readonly owner: string;
  private readonly source: ReturnType<typeof bodySource>;
  private readonly encoder: ResponseEvents;
  private readonly aborter = new AbortController();
  // changed by events
  transcript = new Transcript();
  /** How it is made; known once the engine has begun. */
  facts: AnswerFacts | undefined;
  readonly events: ResponseEvent[] = [];
  /** Why the answer could not be kept. */
  lost: ParleyError | undefined;
  /** Settles, never rejects, when the answer is over and kept, or `lost`. */
  finished: Promise<void> = Promise.resolve();
  private over = false;
  private readonly waiting = new Set<() => void>();

  constructor(
    parsed: ParsedRequest<ResponsesAnswerOptions>,
    owner: string,
    options: ResponsesOptions & { ids: IdSource },
  ) {
    this.parsed = parsed;
    this.owner = owner;
    this.source = bodySource(parsed, options);
    this.encoder = new ResponseEvents(this.source);
  }

  get id(): string {
    return this.parsed.request.id;
  }

  get signal(): AbortSignal {
    return this.aborter.signal;
  }

  abort(): void {
    this.aborter.abort();
  }

  /** The response object as of now. */
  body(status?: Parameters<typeof responseBody>[2]): ReturnType<typeof responseBody> {
    return responseBody(this.source, this.transcript, status);
  }

  /** Announces a background response. */
  queue(): void {
    this.publish(this.encoder.queued());
  }

  /** The events of a batch; not yet shown to followers. The transcript has seen it. */
  encode(batch: Batch): ResponseEvent[] {
    return this.encoder.accept(batch, this.transcript);
  }

  publish(events: readonly ResponseEvent[]): void {
    this.events.push(...events);
    this.wake();
  }

  /** Nothing comes any more. */
  end(): void {
    this.over = true;
    this.wake();
  }

  /** Events with numbers above `after`, as they come; ends when the answer is over or `signal` fires before. */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<readonly ResponseEvent[]> {
    let next = after + 1;
    // whose answer is itself told to end hears of its end
    while (!signal.aborted || this.signal.aborted) {
      if (next < this.events.length) {
        const fresh = this.events.slice(next);
        next = this.events.length;
        yield fresh;
      } else if (this.over) return;
      else await this.change(signal);
    }
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
