import { pipeline, Readable, type Duplex } from "node:stream";
import * as zlib from "node:zlib";
import { ParleyError } from "../../../model/error.ts";

/** Codings upon codings that are undone; no server uses more than one. */
const mostCodings = 3;

/** The codings of a body, outermost last. Throws a `ParleyError` for one that cannot be undone. */
export function contentCodings(header: string | readonly string[] | undefined): readonly string[] {
  const names = [header ?? []].flat().flatMap((line) => line.toLowerCase().split(","));
  const codings = names.map((name) => name.trim()).filter((name) => name !== "" && name !== "identity");
  const unknown = codings.find((name) => !/^(x-)?gzip$|^deflate$|^br$|^zstd$/.test(name));
  if (unknown === undefined && codings.length <= mostCodings) return codings;
  const words = unknown === undefined ? "more than once or twice" : `as '${unknown.slice(0, 40)}'`;
  throw new ParleyError("upstream", `the upstream compressed its answer ${words}, which cannot be read`);
}

/** The body as it was before its codings. Read piece by piece: what is decompressed and not yet taken stays small. */
export async function* decompressed(body: Readable, codings: readonly string[]): AsyncGenerator<Uint8Array> {
  let stream: Readable = body;
  for (const coding of codings.toReversed()) stream = await undone(stream, coding);
  yield* stream as AsyncIterable<Uint8Array>;
}

async function undone(source: Readable, coding: string): Promise<Readable> {
  // `deflate` means zlib's form, but some servers send the bare one; their first byte tells them apart.
  const [first, all] = coding === "deflate" ? await peeked(source) : [undefined, source];
  const bare = first !== undefined && (first & 0x0f) !== 8;
  // An error reaches whoever reads the last stream.
  return pipeline(all, decoderOf(coding, bare), () => {});
}

function decoderOf(coding: string, bare: boolean): Duplex {
  if (coding === "br") return zlib.createBrotliDecompress();
  if (coding === "zstd") return zlib.createZstdDecompress();
  if (coding === "deflate") return bare ? zlib.createInflateRaw() : zlib.createInflate();
  return zlib.createGunzip();
}

/** The first byte, and a stream that still has it. */
async function peeked(source: Readable): Promise<[number | undefined, Readable]> {
  const reader = (source as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const first = await reader.next();
  async function* all(): AsyncGenerator<Uint8Array> {
    for (let next = first; next.done !== true; next = await reader.next()) yield next.value;
  }
  return [first.done === true ? undefined : first.value[0], Readable.from(all())];
}
