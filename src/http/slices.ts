import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { jsonSteps } from "../lib/json-scanner/write.ts";
import { textPieces } from "../lib/long-text.ts";
import type { TimeSlices } from "../lib/time-slices.ts";
import type { PageText } from "../service/responses/input-page.ts";

/** Bytes of an answer that are written at once: a slow reader is judged by how many of them it takes. */
const sliceBytes = 64 * 1024;
/** A text of this many characters is surely not longer than one slice. */
const sliceChars = sliceBytes / 3;
/** Characters that are encoded at once. */
const encodedChars = 4 * sliceBytes;

/** Whether a text may be more than one slice. */
export function isLong(text: string): boolean {
  return text.length > sliceChars;
}

/** A text in pieces that are small enough for one write; a short text is itself. */
export function* slices(text: string): Generator<string | Buffer> {
  if (!isLong(text)) {
    yield text;
    return;
  }
  for (const piece of textPieces(text, encodedChars)) yield* cut(Buffer.from(piece));
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

/** Answers with a JSON text that is read as it is sent. */
export function sendStored(reply: FastifyReply, text: PageText): FastifyReply {
  if (text.loaded !== undefined) return sendText(reply, text.loaded);
  const body = Readable.from(slicesOf(text.chunks()), { objectMode: false });
  return sendText(reply.header("content-length", text.bytes), body);
}

async function* slicesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield* cut(chunk);
}

function* cut(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length; from += sliceBytes) yield bytes.subarray(from, from + sliceBytes);
}

/** Answers with what is JSON already. */
export function sendText(reply: FastifyReply, json: unknown): FastifyReply {
  return reply.type("application/json; charset=utf-8").send(json);
}
