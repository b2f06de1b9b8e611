import type { ParleyError } from "../../../model/error.ts";
import type { Batch } from "../../../model/event.ts";

export interface ReplicaAnswerOptions {
  /** The batch that was awaited. */
  first: Batch;
  /** Those that follow. */
  stream: AsyncIterator<Batch>;
  /** Called with the last batch before it is handed on: with its error, where it has one. */
  recorded: (error: ParleyError | undefined) => void;
  /** Called when the answer is over or its reader stops. */
  leave: () => void;
}

/** An answer that a replica has begun, handed on as it comes. No generator: it would double the cost of a batch. */
export class ReplicaAnswer implements AsyncIterator<Batch, undefined> {
  // fixed at birth
  private readonly options: ReplicaAnswerOptions;
  // changed by events
  /** The batch that was awaited; unset when it was handed on. */
  private first: Batch | undefined;
  /** Nothing more is handed on. */
  private over = false;

  constructor(options: ReplicaAnswerOptions) {
    this.options = options;
    this.first = options.first;
  }

  async next(): Promise<IteratorResult<Batch, undefined>> {
    const batch = this.first ?? (await this.following());
    this.first = undefined;
    if (batch === undefined) return { done: true, value: undefined };
    const last = batch.at(-1);
    if (last?.type === "finish") this.options.recorded(last.error);
    return { done: false, value: batch };
  }

  async return(): Promise<IteratorResult<Batch, undefined>> {
    await this.end();
    return { done: true, value: undefined };
  }

  private async following(): Promise<Batch | undefined> {
    if (this.over) return undefined;
    try {
      const next = await this.options.stream.next();
      if (next.done !== true) return next.value;
    } catch (thrown) {
      await this.end();
      throw thrown;
    }
    await this.end();
    return undefined;
  }

  private async end(): Promise<void> {
    if (this.over) return;
    this.over = true;
    try {
      await this.options.stream.return?.();
    } finally {
      this.options.leave();
    }
  }
}
