import { toParleyError } from "../../../model/error.ts";
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
 * The batches of an answer, whole or one for each network read; a failure of the connection is the last event where one came before.
 * Closes the answer.
 */
export async function* readAnswer({ answer, decoder }: OpenedAnswer): AsyncGenerator<Batch> {
  try {
    const { json, held } = await recognized(answer);
    if (!json) return yield* streamedAnswer(answer, held, decoder);
    // a long answer comes in several batches
    for (const _ of decoder.body(await readBody(answer, held))) {
      const batch = decoder.take();
      if (batch.length > 0) yield marked(batch);
      await answer.slices.pause();
    }
    yield marked(decoder.take());
  } finally {
    answer.close();
  }
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

async function* streamedAnswer(
  answer: OpenAnswer,
  held: readonly Uint8Array[],
  decoder: ChatDecoder,
): AsyncGenerator<Batch> {
  const events = new SseReader((data) => decoder.data(data));
  const waiting = held[Symbol.iterator]();
  const next = (): Uint8Array | undefined | Promise<Uint8Array | undefined> => waiting.next().value ?? answer.next();
  try {
    for (let bytes = await next(); bytes !== undefined; bytes = await next()) {
      events.feed(bytes);
      if (decoder.ending) answer.hurry();
      const batch = decoder.take();
      if (batch.length > 0) yield batch;
      if (decoder.finished) return;
    }
    events.end();
    decoder.end();
  } catch (thrown) {
    connectionFailed(thrown, answer, decoder);
  }
  const rest: GenerationEvent[] = decoder.take();
  if (rest.length > 0) yield rest;
}

function marked(batch: Batch): Batch {
  return batch.map((event) => (event.type === "begin" ? { ...event, whole: true } : event));
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
