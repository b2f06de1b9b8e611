import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  type Gunzip,
} from "node:zlib";
import type { Transform } from "node:stream";

const chunkSize = 65_536;
/** A larger window is not for content codings (RFC 9659), and each body could ask for 128 MiB of it. */
const zstdWindowLog = 23;

/** A stream that takes off one coding. */
export type Decompressor = Transform & Pick<Gunzip, "bytesWritten">;

/** By coding (RFC 9110, content codings); `first` is the first byte of what will be read. */
const decompressors = {
  gzip: () => createGunzip({ chunkSize }),
  // with zlib's header, as the RFC has it, or without, as some senders do
  deflate: (first: number) => ((first & 0x0f) === 8 ? createInflate({ chunkSize }) : createInflateRaw({ chunkSize })),
  br: () => createBrotliDecompress({ chunkSize }),
  zstd: () => createZstdDecompress({ chunkSize, params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog } }),
} satisfies Record<string, (first: number) => Decompressor>;

export type ContentCoding = keyof typeof decompressors;

/** The codings that can be taken off, as `Accept-Encoding` lists them. */
export const acceptedCodings = Object.keys(decompressors).join(", ");

/** Codings upon codings that are taken off; no one uses more than one. */
export const maxCodings = 4;

/** Makes the errors of a header that cannot be followed. */
export interface CodingErrors {
  /** `name`: the coding, as it was written in lower case. */
  unknown(name: string): Error;
  tooMany(): Error;
}

/** The codings of a `Content-Encoding` header in the order they were applied. Throws an error of `errors`. */
export function readCodings(header: string | readonly string[] | undefined, errors: CodingErrors): ContentCoding[] {
  const listed = [header ?? []].flat().flatMap((line) => line.toLowerCase().split(","));
  const names = listed.map((name) => name.trim().replace(/^x-gzip$/, "gzip"));
  const codings = names.filter((name) => name !== "" && name !== "identity");
  const unknown = codings.find((name) => !Object.hasOwn(decompressors, name));
  if (unknown !== undefined) throw errors.unknown(unknown);
  if (codings.length > maxCodings) throw errors.tooMany();
  return codings as ContentCoding[];
}

/** `first`: the first byte of what will be read; only `deflate` looks at it. */
export function decompressorOf(coding: ContentCoding, first: number): Decompressor {
  return decompressors[coding](first);
}
