import { pipeline, Readable } from "node:stream";
import { decompressorOf, readCodings, type ContentCoding } from "../../../lib/content-coding.ts";
import { ParleyError } from "../../../model/error.ts";

/** The codings of a body, outermost last. Throws `upstream` for one that cannot be taken off. */
export function contentCodings(header: string | readonly string[] | undefined): readonly ContentCoding[] {
  const refusal = (words: string): ParleyError =>
    new ParleyError("upstream", `the upstream compressed its answer ${words}, which cannot be read`);
  return readCodings(header, {
    unknown: (name) => refusal(`as '${name.slice(0, 40)}'`),
    tooMany: () => refusal("more than once or twice"),
  });
}

/** The body as it was before its codings. Read piece by piece: what is decompressed and not yet taken stays small. */
export async function* decompressed(body: Readable, codings: readonly ContentCoding[]): AsyncGenerator<Uint8Array> {
  let stream: Readable = body;
  for (const coding of codings.toReversed()) stream = await decompressedOnce(stream, coding);
  yield* stream as AsyncIterable<Uint8Array>;
}

async function decompressedOnce(source: Readable, coding: ContentCoding): Promise<Readable> {
  const [first, all] = coding === "deflate" ? await peeked(source) : [0, source];
  // an error reaches whoever reads the last stream
  return pipeline(all, decompressorOf(coding, first), () => {});
}

/** The first byte, and a stream that still has it. */
async function peeked(source: Readable): Promise<[number, Readable]> {
  const reader = (source as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const first = await reader.next();
  async function* all(): AsyncGenerator<Uint8Array> {
    for (let next = first; next.done !== true; next = await reader.next()) yield next.value;
  }
  return [first.done === true ? 0 : (first.value[0] ?? 0), Readable.from(all())];
}
