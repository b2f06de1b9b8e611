import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { jsonSteps } from "../lib/json-scanner/write.ts";
import type { TimeSlices } from "../lib/time-slices.ts";
import type { StoredText } from "../service/responses/answer.ts";

/** Bytes of an answer that are written at once: a slow reader is judged by how many of them it takes. */
const sliceBytes = 64 * 1024;
/** A text of this many characters is surely not longer than one slice. */
const sliceChars = sliceBytes / 3;
/** Characters that are encoded at once. */
const encodedChars = 4 * sliceBytes;

/** A text in pieces that are small enough for one write; a short text is itself. */
export function* slices(text: string): Generator<string | Buffer> {
  if (text.length <= sliceChars) {
    yield text;
    return;
  }
  for (let at = 0; at < text.length;) {
    let next = Math.min(text.length, at + encodedChars);
    // a pair of surrogates is one character
    if (next < text.length && (text.charCodeAt(next) & 0xfc00) === 0xdc00) next += 1;
    const bytes = Buffer.from(text.slice(at, next));
    for (let from = 0; from < bytes.length; from += sliceBytes) yield bytes.subarray(from, from + sliceBytes);
    at = next;
  }
}

/** A long text, in one or more pieces, as a stream, which is written as its reader takes it. */
export function slicedBody(...pieces: readonly string[]): { bytes: number; body: Readable } | undefined {
  let bytes = 0;
  for (const piece of pieces) bytes += Buffer.byteLength(piece);
  if (bytes <= sliceBytes) return undefined;
  return { bytes, body: Readable.from(allSlices(pieces), { objectMode: false }) };
}

function* allSlices(pieces: readonly string[]): Generator<string | Buffer> {
  for (const piece of pieces) yield* slices(piece);
}

/** Answers with a value as JSON, which is written in steps. */
export async function sendJson(reply: FastifyReply, turns: TimeSlices, value: unknown): Promise<FastifyReply> {
  const pieces: string[] = [];
  await turns.run(jsonSteps(value, { piece: (text) => pieces.push(text) }));
  const sliced = pieces.length === 1 ? undefined : slicedBody(...pieces);
  if (sliced === undefined) return sendText(reply, pieces.join(""));
  return sendText(reply.header("content-length", sliced.bytes), sliced.body);
}

/**
 * The same for a value that no one changes any more: it is written twice, once for its length and once as its reader takes it, so
 * that its text is never in memory as a whole.
 */
export async function sendFixedJson(reply: FastifyReply, turns: TimeSlices, value: unknown): Promise<FastifyReply> {
  let [first, count, bytes] = ["", 0, 0];
  const measure = (text: string): void => {
    if (count === 0) first = text;
    count += 1;
    bytes += Buffer.byteLength(text);
  };
  await turns.run(jsonSteps(value, { piece: measure }));
  return count === 1 ? sendText(reply, first) : sendPieces(reply, bytes, written(value, turns));
}

async function* written(value: unknown, turns: TimeSlices): AsyncGenerator<string> {
  const ready: string[] = [];
  for (const _ of jsonSteps(value, { piece: (text) => ready.push(text) })) {
    yield* ready.splice(0);
    await turns.pause();
  }
  yield* ready;
}

/** Answers with a stored JSON text, which is read as it is sent. */
export function sendStored(reply: FastifyReply, text: StoredText): FastifyReply {
  return text.loaded === undefined ? sendPieces(reply, text.bytes, text.pieces()) : sendText(reply, text.loaded);
}

function sendPieces(reply: FastifyReply, bytes: number, pieces: AsyncIterable<string>): FastifyReply {
  const body = Readable.from(slicesOf(pieces), { objectMode: false });
  return sendText(reply.header("content-length", bytes), body);
}

async function* slicesOf(pieces: AsyncIterable<string>): AsyncGenerator<string | Buffer> {
  for await (const piece of pieces) yield* slices(piece);
}

/** Answers with what is JSON already. */
export function sendText(reply: FastifyReply, json: unknown): FastifyReply {
  return reply.type("application/json; charset=utf-8").send(json);
}
