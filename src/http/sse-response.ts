import type { ServerResponse } from "node:http";
import type { Batch } from "../model/event.ts";
import type { Transcript } from "../model/transcript.ts";
import type { SseEncoder } from "../surface/surface.ts";
import { isLong, slices } from "./slices.ts";

export interface SseResponseOptions {
  response: ServerResponse;
  headers: Readonly<Record<string, string>>;
  heartbeatMs: number;
}

/**
 * One server-sent event stream: a batch is written in slices, each when the socket is not full any more; a comment line after
 * long silence, and a timer only while the encoder holds something back.
 */
export class SseResponse {
  // fixed at birth
  private readonly response: ServerResponse;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly heartbeat: NodeJS.Timeout;
  // changed by events
  private wait: NodeJS.Timeout | undefined;
  /** Something was written since the last beat. */
  private wroteSince = false;
  /** What a beat writes; the encoder's own once its stream has begun. */
  private beatText = ": keep-alive\n\n";

  constructor(options: SseResponseOptions) {
    this.response = options.response;
    this.headers = options.headers;
    this.heartbeat = setInterval(() => this.beat(), options.heartbeatMs);
    this.heartbeat.unref();
  }

  /** Sends every batch; resolves when the stream is over or the client is gone. A failure breaks the connection off. */
  async send(batches: AsyncIterable<Batch>, transcript: Transcript, encoder: SseEncoder): Promise<void> {
    this.beatText = encoder.heartbeat ?? this.beatText;
    try {
      for await (const batch of batches) {
        const full = this.write(encoder.encode(batch, transcript));
        if (full !== undefined) await full;
        if (this.response.destroyed) return;
        this.hold(encoder, transcript);
      }
    } catch (error) {
      this.response.destroy();
      throw error;
    } finally {
      this.close();
    }
    this.head();
    this.response.end();
  }

  /** Sends the text of every value, a long one in pieces; `tail` ends the stream. */
  async relay<Value>(
    values: AsyncIterable<Value>,
    textOf: (value: Value) => string | AsyncIterable<string>,
    tail: string,
  ): Promise<void> {
    try {
      for await (const value of values) {
        const text = textOf(value);
        const full = typeof text === "string" ? this.write(text) : this.writeAll(text);
        if (full !== undefined) await full;
        if (this.response.destroyed) return;
      }
    } catch (error) {
      this.response.destroy();
      throw error;
    } finally {
      this.close();
    }
    this.put(tail);
    this.head();
    this.response.end();
  }

  /** Stops the timers; the response itself is left as it is. */
  close(): void {
    clearInterval(this.heartbeat);
    clearTimeout(this.wait);
  }

  /** Headers go out with the first bytes: until then the caller may still answer with an error status. */
  get started(): boolean {
    return this.response.headersSent;
  }

  private head(): void {
    if (this.response.headersSent) return;
    this.response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      // while the server stops Node writes `close`
      ...(this.response.shouldKeepAlive ? { connection: "keep-alive" } : {}),
      "x-accel-buffering": "no",
      ...this.headers,
    });
  }

  /** Writes a text; a promise, where its end must wait for the socket. */
  private write(text: string): Promise<void> | undefined {
    if (text === "") return undefined;
    clearTimeout(this.wait);
    this.wait = undefined;
    if (isLong(text)) return this.writeSlices(text);
    this.put(text);
    return this.full ? drained(this.response) : undefined;
  }

  private async writeAll(texts: AsyncIterable<string>): Promise<void> {
    for await (const text of texts) {
      await this.write(text);
      if (this.response.destroyed) return;
    }
  }

  private async writeSlices(text: string): Promise<void> {
    for (const slice of slices(text)) {
      this.put(slice);
      if (this.full) await drained(this.response);
    }
  }

  /** The socket takes nothing more now. */
  private get full(): boolean {
    return this.response.writableNeedDrain && !this.response.destroyed;
  }

  private put(text: string | Buffer): void {
    if (this.response.destroyed || text === "") return;
    this.head();
    this.wroteSince = true;
    this.response.write(text);
  }

  private hold(encoder: SseEncoder, transcript: Transcript): void {
    if (!encoder.pending || this.wait !== undefined) return;
    this.wait = setTimeout(() => {
      this.wait = undefined;
      this.put(encoder.flush(transcript));
      this.hold(encoder, transcript);
    }, encoder.maxWaitMs);
  }

  /** Nothing while the socket is full: its reader has enough to read, and a slice need not end where an event ends. */
  private beat(): void {
    if (!this.wroteSince && !this.response.writableNeedDrain) this.put(this.beatText);
    this.wroteSince = false;
  }
}

/** Resolves when the socket takes more, or is gone: the clock of its connection ends a reader who takes nothing. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off("drain", settle).off("close", settle);
      resolve();
    };
    response.on("drain", settle).on("close", settle);
  });
}
