import { Readable } from "node:stream";
import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import type { ContentCoding } from "../../../lib/content-coding.ts";
import { onAbort } from "../../../lib/abort.ts";
import { contentCodings, decompressed } from "./content-coding.ts";

/** Bytes that wait for their reader; then the server is not read. */
const maxQueuedBytes = 64 * 1024;

/** What is asked. */
export type ExchangeRequest = Dispatcher.DispatchOptions & { body?: string | Readable | null };

export interface ExchangeOptions {
  /** Cuts the connection when it aborts. */
  signal?: AbortSignal | undefined;
  /** Called when the request begins to be written on an open connection. */
  sent?: (() => void) | undefined;
}

/**
 * One request and its answer on undici's lowest level: without the stream, the abort signal and the timers that its `request`
 * makes for each answer. Reads are taken one by one; what has arrived together comes together.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  // fixed at birth
  private readonly body: ExchangeRequest["body"];
  private readonly options: ExchangeOptions;
  private readonly begun = Promise.withResolvers<void>();
  /** Ends the listening to the signal. */
  private readonly unlisten: (() => void) | undefined;
  // changed by events
  /** Of the answer; 0 until its headers have come. */
  statusCode = 0;
  /** Of the answer, by lower-case name. */
  headers: IncomingHttpHeaders = {};
  /** Set when the request begins to be written. */
  private controller: Dispatcher.DispatchController | undefined;
  /** Reads that are not taken yet. */
  private queue: Buffer[] = [];
  /** Their bytes. */
  private queuedBytes = 0;
  /** The answer is complete. */
  private ended = false;
  /** Why it broke off, or was aborted. */
  private failure: Error | undefined;
  /** Wakes the reader that waits; set by `next`. */
  private wake: (() => void) | undefined;

  private constructor(body: ExchangeRequest["body"], options: ExchangeOptions) {
    this.body = body;
    this.options = options;
    const { signal } = options;
    this.unlisten = signal && onAbort(signal, () => this.abort(signal.reason as Error));
  }

  /** Sends the request. */
  static start(dispatcher: Dispatcher, request: ExchangeRequest, options: ExchangeOptions = {}): Exchange {
    const exchange = new Exchange(request.body, options);
    if (exchange.failure !== undefined) return exchange;
    try {
      dispatcher.dispatch(request, exchange);
    } catch (thrown) {
      exchange.fail(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
    return exchange;
  }

  /** Resolves when the headers have come; rejects with what the network throws, or with the reason of `abort`. */
  async head(): Promise<void> {
    await this.begun.promise;
  }

  /** What has arrived of the body, at most 64 KiB, once there is something; `undefined` at the end. Throws like `head`. */
  async next(): Promise<Buffer | undefined> {
    while (this.queue.length === 0) {
      if (this.failure !== undefined) throw this.failure;
      if (this.ended) return undefined;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    const taken = this.take();
    if (this.controller?.paused === true && this.queuedBytes < maxQueuedBytes) this.controller.resume();
    return taken;
  }

  /** The first pieces of the queue as one, up to the size of a large network read. */
  private take(): Buffer | undefined {
    let count = 0;
    let bytes = 0;
    for (const { length } of this.queue) {
      if (count > 0 && bytes + length > maxQueuedBytes) break;
      count += 1;
      bytes += length;
    }
    const taken = this.queue.splice(0, count);
    this.queuedBytes -= bytes;
    return count === 1 ? taken[0] : Buffer.concat(taken, bytes);
  }

  /** Whether the body has codings. */
  get coded(): boolean {
    return this.codings().length > 0;
  }

  /** What reads the body without its codings, in the way of `next`. Throws `upstream` for one that cannot be taken off. */
  plain(): () => Promise<Uint8Array | undefined> {
    const codings = this.codings();
    return codings.length === 0 ? () => this.next() : this.decompressed(codings);
  }

  /** Reads what is left, up to a number of bytes and of milliseconds, so that the connection can be used again; then cuts it. */
  async drain(maxBytes: number, timeoutMs: number): Promise<void> {
    if (this.ended || this.failure !== undefined) return;
    const timer = setTimeout(() => this.abort(new Error("the rest of the body took too long")), timeoutMs).unref();
    try {
      let left = maxBytes;
      for (let bytes = await this.next(); bytes !== undefined; bytes = await this.next()) {
        left -= bytes.length;
        if (left < 0) return this.abort(new Error("the rest of the body is too long"));
      }
    } catch {
      // the connection is gone
    } finally {
      clearTimeout(timer);
    }
  }

  /** Cuts the connection, where the answer is not complete; a waiting reader gets the reason. */
  abort(reason: Error): void {
    if (this.ended || this.failure !== undefined) return;
    this.fail(reason);
    this.controller?.abort(reason);
  }

  /** The same where no reader waits. */
  cut(): void {
    if (!this.ended) this.abort(new Error("the answer is not read to its end"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.failure !== undefined) controller.abort(this.failure);
    else this.options.sent?.();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, statusCode: number, headers: IncomingHttpHeaders): void {
    // of 1xx another one follows
    if (statusCode < 200) return;
    this.statusCode = statusCode;
    this.headers = headers;
    this.begun.resolve();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.failure !== undefined) return;
    this.queue.push(chunk);
    this.queuedBytes += chunk.length;
    if (this.queuedBytes >= maxQueuedBytes) controller.pause();
    this.woken();
  }

  onResponseEnd(): void {
    this.ended = true;
    this.unlisten?.();
    this.woken();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.fail(error);
  }

  private fail(error: Error): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.unlisten?.();
    // no reader waits for the headers any more
    this.begun.promise.catch(() => {});
    this.begun.reject(error);
    if (this.body instanceof Readable) this.body.on("error", () => {}).destroy(error);
    this.woken();
  }

  private woken(): void {
    const { wake } = this;
    this.wake = undefined;
    wake?.();
  }

  private codings(): readonly ContentCoding[] {
    const header = this.headers["content-encoding"];
    return header === undefined ? [] : contentCodings(header);
  }

  private decompressed(codings: readonly ContentCoding[]): () => Promise<Uint8Array | undefined> {
    const reads = decompressed(Readable.from(this.all(), { objectMode: false }), codings);
    return async () => {
      const read = await reads.next();
      return read.done === true ? undefined : read.value;
    };
  }

  private async *all(): AsyncGenerator<Buffer> {
    for (let bytes = await this.next(); bytes !== undefined; bytes = await this.next()) yield bytes;
  }
}
