import { Readable } from "node:stream";

/** Bytes of an answer that are written at once: a slow reader is judged by how many of them it takes. */
const sliceBytes = 64 * 1024;
/** A text of so many characters is surely not longer than one slice. */
const sliceChars = sliceBytes / 3;

/** A text in pieces that are small enough for one write; a short text is itself. */
export function* slices(text: string): Generator<string | Buffer> {
  if (text.length <= sliceChars) {
    yield text;
    return;
  }
  const bytes = Buffer.from(text);
  for (let from = 0; from < bytes.length; from += sliceBytes) yield bytes.subarray(from, from + sliceBytes);
}

/** A long text as a stream, which is written as its reader takes it. */
export function slicedBody(text: string): { bytes: number; body: Readable } | undefined {
  if (text.length <= sliceBytes) return undefined;
  return { bytes: Buffer.byteLength(text), body: Readable.from(slices(text), { objectMode: false }) };
}
