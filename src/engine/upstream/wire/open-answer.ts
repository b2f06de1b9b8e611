import { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import type { TimeSlices } from "../../../lib/time-slices.ts";
import { BodyReader } from "./body-reader.ts";
import { contentCodings, decompressed } from "./content-coding.ts";
import { networkFailure } from "./failure.ts";
import type { Deadlines } from "./timeouts.ts";

/**
 * Bytes of an answer after which others have a turn. What has arrived is read without one, and 64 kB of events of one word take
 * 10 ms until they are written to the caller.
 */
const pausedBytes = 16 * 1024;
/** What is left of an answer that ended is a few bytes; reading them keeps the connection. */
const leftBytes = 64 * 1024;
const leftMs = 1_000;

/** An answer whose status was 200. */
export class OpenAnswer {
  // fixed at birth
  /** The body is announced as JSON. Not every server keeps to what it announces. */
  readonly json: boolean;
  private readonly body: Readable;
  private readonly reader: BodyReader;
  private readonly watch: Deadlines;
  private readonly slices: TimeSlices;
  /** The bytes that are read are those of the network. */
  private readonly plain: boolean;
  // changed by events
  /** Bytes since others had a turn; `undefined` until the first have come. */
  private read: number | undefined;

  constructor({ body, headers }: Dispatcher.ResponseData, watch: Deadlines, slices: TimeSlices) {
    this.body = body;
    this.watch = watch;
    this.slices = slices;
    const codings = contentCodings(headers["content-encoding"]);
    this.plain = codings.length === 0;
    this.reader = new BodyReader(this.plain ? body : Readable.from(decompressed(body, codings), { objectMode: false }));
    this.json = String(headers["content-type"] ?? "").includes("json");
  }

  /** Whether the grace time was what ended the reads. */
  get late(): boolean {
    return this.watch.late;
  }

  /**
   * What the network has brought since the last call; `undefined` at the end. Throws a `ParleyError` when a deadline passes or
   * the connection breaks.
   */
  async next(): Promise<Uint8Array | undefined> {
    try {
      if (this.read !== undefined) {
        if (this.read >= pausedBytes) {
          this.read = 0;
          await this.slices.pause();
        }
        this.watch.touch();
      }
      const bytes = await this.reader.read();
      this.watch.pause();
      this.read = (this.read ?? 0) + (bytes?.length ?? 0);
      return bytes;
    } catch (thrown) {
      throw this.watch.reason ?? networkFailure(thrown);
    }
  }

  /** From now on the stream has to end within the grace time. */
  hurry(): void {
    this.watch.hurry();
  }

  /** Lets the connection go: drained when the answer is nearly over, cut otherwise. */
  close(): void {
    this.watch.stop();
    if (this.watch.hurried && !this.watch.late && this.plain) this.reader.drain(leftBytes, leftMs);
    else this.destroy();
  }

  private destroy(): void {
    this.reader.destroy();
    this.body.destroy();
  }
}
