import type { Readable } from "node:stream";

/** Bytes that are held before the stream is paused. */
const heldBytes = 16 * 1024;

/**
 * What a stream brings: all that has come since the last call as one piece. By `data` events, for the stream's own iterator takes several
 * times as long for a piece.
 */
export class BodyReader {
  // fixed at birth
  private readonly body: Readable;
  // changed by events
  /** What has come and was not read; emptied by `read`. */
  private held: Uint8Array[] = [];
  /** Bytes in it. */
  private size = 0;
  /** Nothing more comes. */
  private ended = false;
  /** Why nothing more comes, where the stream broke off. */
  private failure: Error | undefined;
  /** Lets the `read` go on that waits. */
  private wake: (() => void) | undefined;

  constructor(body: Readable) {
    this.body = body;
    body.on("data", this.take).on("end", () => this.end());
    // without a listener the error of a stream that no one reads would end this process
    body.on("error", (error) => this.end(error)).on("close", () => this.end(new Error("premature close")));
  }

  /** `undefined` at the end of the stream. Rejects with the error that the stream broke off with. */
  async read(): Promise<Uint8Array | undefined> {
    while (this.held.length === 0 && !this.ended) await new Promise<void>((resolve) => (this.wake = resolve));
    const { held } = this;
    const [first] = held;
    if (first === undefined && this.failure !== undefined) throw this.failure;
    this.held = [];
    this.size = 0;
    if (this.body.isPaused()) this.body.resume();
    return held.length > 1 ? Buffer.concat(held) : first;
  }

  /** Throws away what still comes, so that the connection can be used again; destroys it after so many bytes or milliseconds. */
  drain(maxBytes: number, maxMs: number): void {
    if (this.ended) return;
    const { body } = this;
    const cut = (): void => void body.destroy();
    const timer = setTimeout(cut, maxMs).unref();
    let left = maxBytes;
    body.off("data", this.take).on("data", (bytes: Uint8Array) => {
      left -= bytes.length;
      if (left < 0) cut();
    });
    body.once("close", () => clearTimeout(timer)).resume();
  }

  destroy(): void {
    this.body.destroy();
  }

  private readonly take = (bytes: Uint8Array): void => {
    this.held.push(bytes);
    this.size += bytes.length;
    if (this.size >= heldBytes) this.body.pause();
    this.wake?.();
  };

  /** Only the first call counts. */
  private end(failure?: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.failure = failure;
    this.wake?.();
  }
}
