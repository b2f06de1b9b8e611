import { canceled, toParleyError } from "../../../model/error.ts";
import type { Batch, GenerationEvent } from "../../../model/event.ts";
import type { OpenAnswer } from "../wire/client.ts";
import { pageFailure } from "../wire/failure.ts";
import { SseReader } from "../wire/sse.ts";
import { readBody } from "./body.ts";
import type { ChatDecoder } from "./decode.ts";

/** Bytes before an answer that do not show its form: white space and a byte order mark. */
const overlooked: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20, 0xef, 0xbb, 0xbf]);
const openBrace = 0x7b;
const openBracket = 0x5b;
const lessThan = 0x3c;
/** Network reads of nothing else that are held back at most. */
const maxBlankReads = 1_000;

/** An answer that has begun, and what decodes it. */
export interface OpenedAnswer {
  answer: OpenAnswer;
  decoder: ChatDecoder;
}

/**
 * The batches of an answer, whole or one for all that came between two calls; a failure of the connection is the last event where one
 * came before. Closes the answer; `ended` is called then, with what was thrown where the answer failed. One generator for a stream: each
 * would take several turns of the microtask queue for a batch.
 */
export async function* readAnswer(
  { answer, decoder }: OpenedAnswer,
  ended?: (thrown?: unknown) => void,
): AsyncGenerator<Batch, undefined> {
  let failure: unknown;
  try {
    const { json, held } = await recognized(answer);
    if (json) yield* wholeAnswer(answer, held, decoder);
    else {
      const reader = new StreamReader(answer, held, decoder);
      for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) yield batch;
    }
  } catch (thrown) {
    failure = thrown;
    throw thrown;
  } finally {
    answer.close();
    ended?.(failure);
  }
  return undefined;
}

/**
 * Whether the body is one JSON value or a stream, which its first bytes show whatever its content type; an empty one is
 * what its type says. `held`: what was read of it.
 */
async function recognized(answer: OpenAnswer): Promise<{ json: boolean; held: Uint8Array[] }> {
  const held: Uint8Array[] = [];
  for (let bytes = await answer.next(); bytes !== undefined; bytes = await answer.next()) {
    held.push(bytes);
    const first = bytes.find((byte) => !overlooked.has(byte));
    // no line of a stream begins so
    if (first === lessThan) throw pageFailure();
    if (first !== undefined) return { json: first === openBrace || first === openBracket, held };
    if (held.length >= maxBlankReads) break;
  }
  return { json: answer.json, held };
}

/** Reads the events of a stream: one batch for all that came between two calls. */
class StreamReader {
  // fixed at birth
  private readonly answer: OpenAnswer;
  private readonly decoder: ChatDecoder;
  private readonly events: SseReader;
  /** What was read already. */
  private readonly held: Iterator<Uint8Array>;
  // changed by events
  /** Nothing more is read. */
  private over = false;

  constructor(answer: OpenAnswer, held: readonly Uint8Array[], decoder: ChatDecoder) {
    this.answer = answer;
    this.decoder = decoder;
    this.events = new SseReader((data) => decoder.data(data));
    this.held = held[Symbol.iterator]();
  }

  /** The next batch that has events; `undefined` where the answer is over. */
  async next(): Promise<Batch | undefined> {
    const { answer, decoder, events } = this;
    if (this.over) return undefined;
    try {
      for (let bytes = await this.read(); bytes !== undefined; bytes = await this.read()) {
        events.feed(bytes);
        if (decoder.ending) answer.hurry();
        const batch = decoder.take();
        this.over = decoder.finished;
        if (batch.length > 0) return batch;
        if (this.over) return undefined;
      }
      this.over = true;
      events.end();
      decoder.end();
    } catch (thrown) {
      this.over = true;
      connectionFailed(thrown, answer, decoder);
    }
    const rest: GenerationEvent[] = decoder.take();
    return rest.length > 0 ? rest : undefined;
  }

  private read(): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    return this.held.next().value ?? this.answer.next();
  }
}

/** One batch, or several of a long answer. */
async function* wholeAnswer(
  answer: OpenAnswer,
  held: readonly Uint8Array[],
  decoder: ChatDecoder,
): AsyncGenerator<Batch> {
  const body = await readBody(answer, held);
  const steps = decoder.body(body);
  while (steps.next().done !== true) {
    const batch = decoder.take();
    if (batch.length > 0) yield marked(batch);
    await answer.slices.pause();
  }
  yield marked(decoder.take());
}

function marked(batch: Batch): Batch {
  return batch.map((event) => (event.type === "begin" ? { ...event, whole: true } : event));
}

/** An answer that was aborted before anything of it came. */
export function abortedAnswer(): Batch {
  return [{ type: "begin" }, { type: "finish", reason: "error", error: canceled() }];
}

/** The batches, and a call when they are over or their reader stops; with what was thrown where they failed. */
export async function* watched(
  batches: AsyncIterable<Batch>,
  ended: (thrown?: unknown) => void,
): AsyncGenerator<Batch, undefined> {
  let failure: unknown;
  try {
    yield* batches;
  } catch (thrown) {
    failure = thrown;
    throw thrown;
  } finally {
    ended(failure);
  }
  return undefined;
}

/**
 * The connection failed: an answer with a finish reason is complete, any other ends with the error. What the decoder
 * itself threw is thrown on: no batch was handed out yet.
 */
function connectionFailed(thrown: unknown, answer: OpenAnswer, decoder: ChatDecoder): void {
  if (decoder.finished) throw thrown;
  if (answer.late && decoder.ending) decoder.endLate();
  else if (decoder.ending) decoder.end();
  else decoder.fail(toParleyError(thrown));
}
