import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  type Gunzip,
} from "node:zlib";
import { ParleyError, invalid, toParleyError } from "../model/error.ts";

const chunkSize = 65_536;
/** A larger window is not for content codings (RFC 9659), and each request could ask for 128 MiB of it. */
const zstdWindowLog = 23;

/** Decoders by coding (RFC 9110, content codings); `first` is the first byte of what they will read. */
const decoders = {
  gzip: () => createGunzip({ chunkSize }),
  // with zlib's header, as the RFC has it, or without, as some senders do
  deflate: (first: number) => ((first & 0x0f) === 8 ? createInflate({ chunkSize }) : createInflateRaw({ chunkSize })),
  br: () => createBrotliDecompress({ chunkSize }),
  zstd: () => createZstdDecompress({ chunkSize, params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog } }),
} satisfies Record<string, (first: number) => Decoder>;

type Coding = keyof typeof decoders;
type Decoder = Pick<Gunzip, "bytesWritten" | "destroy" | "end" | "on" | "write">;

/** The codings a body may have, as `Accept-Encoding` lists them. */
export const acceptedCodings = Object.keys(decoders).join(", ");

const maxCodings = 4;

/** The codings of a `Content-Encoding` header in the order they were applied. Throws `unsupported-encoding` or `invalid`. */
export function contentCodings(header: string | undefined): Coding[] {
  if (header === undefined) return [];
  const names = header.split(",").map((name) =>
    name
      .trim()
      .toLowerCase()
      .replace(/^x-gzip$/, "gzip"),
  );
  const codings = names.filter((name) => name !== "" && name !== "identity");
  for (const name of codings) {
    if (Object.hasOwn(decoders, name)) continue;
    const problem = `${JSON.stringify(name.slice(0, 100))} is not supported; send one of ${acceptedCodings}`;
    throw new ParleyError("unsupported-encoding", `content-encoding: ${problem}`, { param: "content-encoding" });
  }
  if (codings.length > maxCodings) throw invalid("content-encoding", `must list at most ${maxCodings} codings`);
  return codings as Coding[];
}

/** Takes off one coding, piece by piece. Nothing after the first `limit` decoded bytes is decoded. */
export class ContentDecoder {
  // fixed at birth
  private readonly coding: Coding;
  private readonly limit: number;
  private readonly grow: (bytes: number) => void;
  // changed by events
  /** Made with the first byte. */
  private decoder: Decoder | undefined;
  /** Decoded bytes that were not taken yet. */
  private pieces: Buffer[] = [];
  /** Encoded bytes given to the decoder. */
  private given = 0;
  /** Decoded bytes so far. */
  private size = 0;
  /** Set when the decoder takes no more: at its end, or when it failed. */
  private over = false;
  /** Ends the wait for the decoder. */
  private release = (): void => undefined;
  /** Set when the body is broken or too large. */
  private failure: ParleyError | undefined;

  /** `grow` is called for every piece of so many decoded bytes; what it throws ends the decoding. */
  constructor(coding: Coding, limit: number, grow: (bytes: number) => void = () => undefined) {
    this.coding = coding;
    this.limit = limit;
    this.grow = grow;
  }

  /** Decodes a piece; gives what is decoded by now. Throws `invalid` or `too-large`. */
  async take(chunk: Buffer): Promise<Buffer[]> {
    const decoder = (this.decoder ??= this.open(chunk[0] ?? 0));
    this.given += chunk.length;
    await this.until((done) => decoder.write(chunk, done));
    return this.pieces.splice(0);
  }

  /** Gives the rest. Throws where the encoded body is not complete, or something follows it. */
  async finish(): Promise<Buffer[]> {
    const { decoder } = this;
    if (decoder === undefined) return [];
    await this.until(() => decoder.end());
    if (decoder.bytesWritten !== this.given) throw this.broken();
    return this.pieces.splice(0);
  }

  close(): void {
    this.decoder?.destroy();
  }

  private open(first: number): Decoder {
    const decoder = decoders[this.coding](first);
    decoder.on("data", (piece: Buffer) => {
      this.size += piece.length;
      try {
        if (this.size > this.limit) throw tooLarge(this.limit);
        this.grow(piece.length);
        this.pieces.push(piece);
      } catch (error) {
        this.failure ??= toParleyError(error);
        this.pieces = [];
        decoder.destroy();
      }
    });
    decoder.on("error", (cause) => (this.failure ??= this.broken(cause)));
    // the end of the encoded data, perhaps before the end of the body: then no write is called back any more
    const end = (): void => {
      this.over = true;
      this.release();
    };
    decoder.on("end", end).on("close", end);
    return decoder;
  }

  /** Resolves when the work calls back, or the decoder takes no more. */
  private async until(work: (done: () => void) => unknown): Promise<void> {
    if (!this.over) {
      await new Promise<void>((resolve) => {
        this.release = resolve;
        work(() => resolve());
      });
    }
    if (this.failure !== undefined) throw this.failure;
  }

  private broken(cause?: unknown): ParleyError {
    return invalid("content-encoding", `the body is not complete and valid ${this.coding}`, cause);
  }
}

export function tooLarge(limit: number): ParleyError {
  return new ParleyError("too-large", `body: larger than the limit of ${limit} bytes`);
}
