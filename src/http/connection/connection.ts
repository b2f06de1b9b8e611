import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Timeouts } from "./settings.ts";

/** Bytes that count as progress of a slow peer: less than that within the time of a stall is none. */
const progressBytes = 64 * 1024;
/** Pipelined requests of one connection after which no more of them are read until these are answered. */
const maxPipelined = 16;

/** Handles one request; its response is closed when it is over. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Counts bytes, and since when there has been no progress. */
class Progress {
  // changed by events
  /** Count at the last progress; set by `moved`. */
  private mark = 0;
  /** When that was, in milliseconds. */
  private since = 0;

  /** `pending`: whether there is anything to wait for. Returns the milliseconds without progress. */
  stalledMs(count: number, pending: boolean, now: number): number {
    if (!pending || count - this.mark >= progressBytes) {
      this.mark = count;
      this.since = now;
    }
    return now - this.since;
  }
}

/**
 * One connection and all its silences: what it may still wait for, and until when. Its requests are handled one after another,
 * each in a turn of the event loop of its own, so that a caller who sends thousands at once does not hold up the others.
 */
export class Connection {
  // fixed at birth
  readonly socket: Socket;
  /** Of the other end; kept, because a closed socket has none. */
  readonly address: string | undefined;
  private readonly timeouts: Timeouts;
  private readonly written = new Progress();
  private readonly received = new Progress();
  // changed by events
  /** The key of its last request that showed a valid one. */
  keyId: string | undefined;
  /** It speaks WebSocket now, which has clocks of its own for what it receives. */
  private upgraded = false;
  /** Since when it has no request under way, in milliseconds. */
  private idleSince: number;
  /** Whether it had a request before. */
  private used = false;
  /** Until when it may stay open after the last words. */
  private closeAt = Infinity;
  /** The request whose body is received. */
  private body: { request: IncomingMessage; response: ServerResponse; until: number; upload: boolean } | undefined;
  /** Pipelined requests that wait for the one that is handled. */
  private readonly waiting: { request: IncomingMessage; response: ServerResponse; handler: Handler }[] = [];
  /** Requests that are handled or wait. */
  private running = 0;
  /** Nothing more is read until those that wait are answered. */
  private paused = false;

  constructor(socket: Socket, timeouts: Timeouts) {
    this.socket = socket;
    this.address = socket.remoteAddress;
    this.timeouts = timeouts;
    this.idleSince = performance.now();
  }

  /** Nothing is asked of us now. */
  get idle(): boolean {
    return this.running === 0 && !this.upgraded;
  }

  receive(request: IncomingMessage, response: ServerResponse, handler: Handler): void {
    this.used = true;
    this.running += 1;
    this.body = { request, response, until: performance.now() + this.timeouts.bodyMs, upload: false };
    response.once("close", () => this.answered());
    if (this.running === 1) return handler(request, response);
    this.waiting.push({ request, response, handler });
    if (this.waiting.length < maxPipelined) return;
    this.paused = true;
    this.socket.pause();
  }

  /** The body that is received now is a file. */
  allowUpload(): void {
    if (this.body === undefined) return;
    this.body.until = performance.now() + this.timeouts.uploadMs;
    this.body.upload = true;
  }

  upgrade(): void {
    this.upgraded = true;
  }

  /** Sends the last words; what the peer does then no longer matters. */
  closeWith(text: string): void {
    this.closeAt = Math.min(this.closeAt, performance.now() + this.timeouts.closeMs);
    const { response } = this.body ?? {};
    // words in the middle of an answer would be read as a part of it
    const answering = response !== undefined && response.headersSent && !response.writableFinished;
    if (this.socket.writable && !answering) this.socket.end(text);
    else this.socket.destroy();
  }

  /** Ends it if one of its times is over. */
  check(now: number): void {
    if (now >= this.closeAt || this.isStalled(now) || this.isSilent(now) || this.isBodyLate(now)) this.socket.destroy();
  }

  /** The reader takes too little of what waits for it. */
  private isStalled(now: number): boolean {
    const { bytesWritten, writableLength } = this.socket;
    const stalledMs = this.written.stalledMs(bytesWritten - writableLength, writableLength > 0, now);
    return stalledMs >= this.timeouts.stallMs;
  }

  /**
   * No request came in time. Node's own clocks, which come first, restart with every byte, also with those that begin no
   * request.
   */
  private isSilent(now: number): boolean {
    const { headersMs, idleMs, closeMs } = this.timeouts;
    return this.idle && now - this.idleSince >= (this.used ? idleMs : 0) + headersMs + closeMs;
  }

  private isBodyLate(now: number): boolean {
    const { body } = this;
    if (body === undefined || body.request.complete || this.upgraded) return false;
    if (body.response.writableFinished) body.until = Math.min(body.until, now + this.timeouts.refusedMs);
    // with a full buffer it is our turn
    const pending = body.upload && body.request.readableLength < body.request.readableHighWaterMark;
    const stalledMs = this.received.stalledMs(this.socket.bytesRead, pending, now);
    return now >= body.until || stalledMs >= this.timeouts.stallMs;
  }

  private answered(): void {
    this.running -= 1;
    this.idleSince = performance.now();
    const next = this.waiting.shift();
    if (next === undefined) {
      if (this.paused) this.socket.resume();
      this.paused = false;
      return;
    }
    setImmediate(() => {
      if (!this.socket.destroyed) next.handler(next.request, next.response);
    });
  }
}
