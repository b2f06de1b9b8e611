import { ParleyError, toParleyError } from "../../../model/error.ts";
import type { Batch, GenerationEvent } from "../../../model/event.ts";
import type { OpenAnswer } from "../wire/client.ts";
import { pageFailure } from "../wire/failure.ts";
import { SseReader } from "../wire/sse.ts";
import type { ChatDecoder } from "./decode.ts";

/** Of an answer that is no stream; it is parsed in one go. */
const maxBodyBytes = 8 * 1024 * 1024;
/** Bytes before an answer that do not show its form: white space and a byte order mark. */
const overlooked: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20, 0xef, 0xbb, 0xbf]);
const openBrace = 0x7b;
const openBracket = 0x5b;
const lessThan = 0x3c;
/** Network reads of nothing else that are held back at most. */
const maxBlankReads = 1_000;

/** The batches of an answer, streamed or whole; a failure of the connection is its last event where one came before. */
export async function* readAnswer(answer: OpenAnswer, decoder: ChatDecoder): AsyncGenerator<Batch> {
  const { json, reads } = await recognized(answer);
  yield* json ? wholeAnswer(reads, decoder) : streamedAnswer({ answer, reads, decoder });
}

/**
 * Whether the body is one JSON value or a stream, which its first bytes show whatever its content type; an empty one is
 * what its type says. `reads`: the body from its start.
 */
async function recognized(answer: OpenAnswer): Promise<{ json: boolean; reads: AsyncIterable<Uint8Array> }> {
  const reader = answer.reads[Symbol.asyncIterator]();
  const held: Uint8Array[] = [];
  let { json } = answer;
  for (let next = await reader.next(); next.done !== true; next = await reader.next()) {
    held.push(next.value);
    const first = next.value.find((byte) => !overlooked.has(byte));
    // no line of a stream begins so
    if (first === lessThan) {
      await reader.return?.();
      throw pageFailure();
    }
    if (first !== undefined) json = first === openBrace || first === openBracket;
    if (first !== undefined || held.length >= maxBlankReads) break;
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    try {
      yield* held;
      for (let next = await reader.next(); next.done !== true; next = await reader.next()) yield next.value;
    } finally {
      await reader.return?.();
    }
  }
  return { json, reads: all() };
}

/** One batch per network read. */
async function* streamedAnswer(source: {
  answer: OpenAnswer;
  reads: AsyncIterable<Uint8Array>;
  decoder: ChatDecoder;
}): AsyncGenerator<Batch> {
  const { answer, reads, decoder } = source;
  const events = new SseReader((data) => decoder.data(data));
  try {
    for await (const bytes of reads) {
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

async function* wholeAnswer(reads: AsyncIterable<Uint8Array>, decoder: ChatDecoder): AsyncGenerator<Batch> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const bytes of reads) {
    chunks.push(bytes);
    size += bytes.length;
    if (size > maxBodyBytes) throw new ParleyError("upstream", "the upstream's answer has no end");
  }
  // a byte order mark is left out
  decoder.body(new TextDecoder().decode(Buffer.concat(chunks)));
  yield decoder.take();
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
