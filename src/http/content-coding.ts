import {
  acceptedCodings,
  decompressorOf,
  maxCodings,
  readCodings,
  type ContentCoding,
  type Decompressor,
} from "../lib/content-coding.ts";
import { ParleyError, invalid, toParleyError } from "../model/error.ts";

/** The codings of a `Content-Encoding` header in the order they were applied. Throws `unsupported-encoding` or `invalid`. */
export function contentCodings(header: string | undefined): ContentCoding[] {
  return readCodings(header, {
    unknown: (name) => {
      const problem = `${JSON.stringify(name.slice(0, 100))} is not supported; send one of ${acceptedCodings}`;
      return new ParleyError("unsupported-encoding", `content-encoding: ${problem}`, { param: "content-encoding" });
    },
    tooMany: () => invalid("content-encoding", `must list at most ${maxCodings} codings`),
  });
}

/** Takes off one coding, piece by piece. Nothing after the first `limit` decoded bytes is decoded. */
export class ContentDecoder {
  // fixed at birth
  private readonly coding: ContentCoding;
  private readonly limit: number;
  private readonly grow: (bytes: number) => void;
  // changed by events
  /** Made with the first byte. */
  private decoder: Decompressor | undefined;
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

  /** `grow` is called for every piece of this many decoded bytes; what it throws ends the decoding. */
  constructor(coding: ContentCoding, limit: number, grow: (bytes: number) => void = () => undefined) {
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

  private open(first: number): Decompressor {
    const decoder = decompressorOf(this.coding, first);
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
