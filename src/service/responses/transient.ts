import { MappedIterator } from "../../lib/mapped-iterator.ts";
import { canceled } from "../../model/error.ts";
import type { Batch } from "../../model/event.ts";
import type { JsonObject } from "../../model/json.ts";
import type { ResponseEvent } from "../../model/response.ts";
import type { Transcript } from "../../model/transcript.ts";
import type { AnswerFacts } from "../generation.ts";
import type { ResponseAnswer } from "./answer.ts";
import type { ResponseEncoder } from "./codec.ts";
import type { AnswerSource } from "./source.ts";

export interface TransientOptions {
  id: string;
  source: AnswerSource;
  encoder: ResponseEncoder;
  /** Aborted when the caller is gone. */
  signal: AbortSignal;
  /** Called when the answer is complete; its last events are handed on after it. */
  ended: (transcript: Transcript) => Promise<void>;
}

/** A response that is not stored. Its one reader sets the pace of the engine. */
export class TransientAnswer implements ResponseAnswer {
  private readonly options: TransientOptions;

  constructor(options: TransientOptions) {
    this.options = options;
  }

  get id(): string {
    return this.options.id;
  }

  get facts(): AnswerFacts | undefined {
    return this.options.source.facts;
  }

  events(after: number): AsyncIterable<readonly ResponseEvent[]> {
    const { source, encoder, ended } = this.options;
    const { transcript } = source;
    const encoded = (batch: Batch): readonly ResponseEvent[] =>
      encoder.accept(batch, transcript).filter((event) => event.sequence_number > after);
    return new MappedIterator(source.batches, (batch) =>
      transcript.finish === undefined ? encoded(batch) : ended(transcript).then(() => encoded(batch)),
    );
  }

  async snapshot(): Promise<JsonObject> {
    return this.options.encoder.body(this.options.source.transcript);
  }

  /** Throws the error of an answer that holds nothing else, so that it can become the status. */
  async body(): Promise<JsonObject> {
    const { source, encoder, signal, ended } = this.options;
    for await (const _batch of source.batches) if (signal.aborted) break;
    const { finish } = source.transcript;
    if (finish === undefined) throw canceled();
    if (finish.error !== undefined && encoder.items(source.transcript).length === 0) throw finish.error;
    await ended(source.transcript);
    return encoder.body(source.transcript);
  }
}
