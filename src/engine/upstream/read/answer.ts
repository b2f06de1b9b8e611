import { ParleyError, toParleyError } from "../../../model/error.ts";
import type { Batch, GenerationEvent } from "../../../model/event.ts";
import type { OpenAnswer } from "../wire/open-answer.ts";
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

/**
 * The batches of an answer, streamed or whole; a failure of the connection is its last event where one came before. `ended` is called
 * once, with what was thrown where the answer failed.
 */
export async function* readAnswer(
  answer: OpenAnswer,
  decoder: ChatDecoder,
  ended: (thrown?: unknown) => void,
): AsyncGenerator<Batch, undefined> {
  let thrown: unknown;
  try {
    const { json, bytes } = await recognized(answer);
    if (json) yield await wholeAnswer(answer, bytes, decoder);
    else {
      const reader = new StreamReader(answer, decoder);
      // one batch for all that came between two questions
      for (let batch = await reader.next(bytes); batch !== undefined; batch = await reader.next()) yield batch;
    }
  } catch (error) {
    thrown = error;
    throw error;
  } finally {
    answer.close();
    ended(thrown);
  }
  return undefined;
}

/**
 * Whether the body is one JSON value or a stream, which its first bytes show whatever its content type; an empty one is
 * what its type says. `bytes`: what was read of it; `undefined` where it is empty.
 */
async function recognized(answer: OpenAnswer): Promise<{ json: boolean; bytes: Uint8Array | undefined }> {
  const held: Uint8Array[] = [];
  let { json } = answer;
  for (let bytes = await answer.next(); bytes !== undefined; bytes = await answer.next()) {
    held.push(bytes);
    const first = bytes.find((byte) => !overlooked.has(byte));
    // no line of a stream begins so
    if (first === lessThan) throw pageFailure();
    if (first !== undefined) json = first === openBrace || first === openBracket;
    if (first !== undefined || held.length >= maxBlankReads) break;
  }
  return { json, bytes: held.length > 1 ? Buffer.concat(held) : held[0] };
}

/** Reads the events of a stream. */
class StreamReader {
  // fixed at birth
  private readonly answer: OpenAnswer;
  private readonly decoder: ChatDecoder;
  private readonly events: SseReader;
  // changed by events
  /** Nothing more is read. */
  private over = false;

  constructor(answer: OpenAnswer, decoder: ChatDecoder) {
    this.answer = answer;
    this.decoder = decoder;
    this.events = new SseReader((data) => decoder.data(data));
  }

  /** The next batch that has events; `undefined` where the answer is over. `begun`: its bytes that were read already. */
  async next(begun?: Uint8Array): Promise<Batch | undefined> {
    const { answer, decoder, events } = this;
    if (this.over) return undefined;
    try {
      for (let bytes = begun ?? (await answer.next()); bytes !== undefined; bytes = await answer.next()) {
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
}

async function wholeAnswer(answer: OpenAnswer, begun: Uint8Array | undefined, decoder: ChatDecoder): Promise<Batch> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let bytes = begun; bytes !== undefined; bytes = await answer.next()) {
    chunks.push(bytes);
    size += bytes.length;
    if (size > maxBodyBytes) throw new ParleyError("upstream", "the upstream's answer has no end");
  }
  // a byte order mark is left out
  decoder.body(new TextDecoder().decode(Buffer.concat(chunks)));
  return decoder.take();
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
