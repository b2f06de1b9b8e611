import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { jsonSteps } from "../lib/json-scanner/write.ts";
import type { Steps, TimeSlices } from "../lib/time-slices.ts";

/** Characters of a text that are encoded at once. */
const pieceUnits = 64 * 1024;

/** Answers with JSON, as a text of it or as steps that write it; a long one is written piece by piece. */
export async function sendJson(
  reply: FastifyReply,
  slices: TimeSlices,
  json: string | Steps<readonly string[]>,
): Promise<FastifyReply> {
  const pieces = typeof json === "string" ? [json] : await slices.run(json);
  reply.type("application/json; charset=utf-8");
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined && only.length <= 4 * pieceUnits) return reply.send(only);
  const length = pieces.reduce((sum, one) => sum + Buffer.byteLength(one), 0);
  reply.header("content-length", length);
  return reply.send(Readable.from(encoded(pieces), { objectMode: false }));
}

/** The text of a value in pieces. */
export function* jsonPieces(value: unknown): Steps<readonly string[]> {
  const pieces: string[] = [];
  yield* jsonSteps(value, { piece: (text) => pieces.push(text) });
  return pieces;
}

function* encoded(pieces: readonly string[]): Generator<Buffer> {
  for (const text of pieces) {
    for (let from = 0; from < text.length;) {
      let to = Math.min(text.length, from + pieceUnits);
      // whole characters only
      if (to < text.length && (text.charCodeAt(to) & 0xfc00) === 0xdc00) to += 1;
      yield Buffer.from(text.slice(from, to));
      from = to;
    }
  }
}
