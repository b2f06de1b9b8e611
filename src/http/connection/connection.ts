import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Timeouts } from "./settings.ts";
import { networkOf, unmapped } from "../../lib/cidr.ts";
import type { LoopTurns } from "./loop-turns.ts";
import type { Reader } from "./read-turns.ts";

/** Bytes that count as progress of a slow peer: less than that within the time of a stall is none. */
const progressBytes = 64 * 1024;
/** Requests of one connection that are handled at once, where its caller pipelines; as many more may wait before no more are read. */
const maxPipelined = 16;

/** A request and its response, which is closed when it is over. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  /** Handles it. */
  begin: () => void;
}

/** Counts bytes, and since when there has been no progress. */
class Progress {
  // changed by events
  /** Count at the last progress; set by `restart` and by `stalledMs`. */
  private mark = 0;
  /** When that was, in milliseconds. */
  private since = performance.now();

  /** Time begins now. */
  restart(count: number, now: number): void {
    this.mark = count;
    this.since = now;
  }

  /** `pending`: whether there is anything to wait for. Returns the milliseconds without progress. */
  stalledMs(count: number, pending: boolean, now: number): number {
    if (!pending || count - this.mark >= progressBytes) this.restart(count, now);
    return now - this.since;
  }
}

/**
 * One connection and all its silences: what it may still wait for, and until when. Few of its requests are handled at
 * once, so that a caller who sends thousands does not hold up the others.
 */
export class Connection implements Reader {
  // fixed at birth
  readonly socket: Socket;
  /** Of the other end; kept, because a closed socket has none. */
  readonly address: string;
  /** What is counted as one address: of IPv6 the network that one caller surely holds. */
  readonly network: string;
  private readonly timeouts: Timeouts;
  private readonly turns: LoopTurns;
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
  /** Pipelined requests that wait for those that are handled. */
  private readonly waiting: (() => void)[] = [];
  /** Requests that are handled or wait. */
  private running = 0;
  /** Nothing more is read until those that wait are answered. */
  private paused = false;
  /** Set by `drain`: the answer to its last request closes it. */
  private draining = false;
  /** Nothing more is read until it is its turn. */
  private heldBack = false;

  constructor(socket: Socket, { timeouts, turns }: { timeouts: Timeouts; turns: LoopTurns }) {
    this.socket = socket;
    this.turns = turns;
    this.address = unmapped(socket.remoteAddress ?? "");
    this.network = networkOf(this.address);
    this.timeouts = timeouts;
    this.idleSince = performance.now();
    socket.on("resume", () => this.stopAgain());
  }

  /** Nothing is asked of us now. */
  get idle(): boolean {
    return this.running === 0 && !this.upgraded;
  }

  /** It was accepted less than `ms` milliseconds ago and has sent no request yet. */
  isFresh(ms: number, now: number): boolean {
    return !this.used && !this.upgraded && now - this.idleSince < ms;
  }

  get owner(): string {
    return this.keyId ?? this.network;
  }

  holdBack(): boolean {
    // what is not flowing is paused elsewhere, or has no reader yet, as in a WebSocket's handshake
    if (this.heldBack || this.upgraded || this.socket.readableFlowing !== true) return false;
    this.heldBack = true;
    this.socket.pause();
    return true;
  }

  readOn(): void {
    this.heldBack = false;
    if (!this.paused && this.socket.readableFlowing === false) this.socket.resume();
  }

  /** `address`: in whose turn the request is begun. */
  receive({ request, response, begin }: Exchange, address: string): void {
    this.used = true;
    this.running += 1;
    // one more came behind the request whose answer was to close it
    if (this.draining && this.body !== undefined) this.body.response.shouldKeepAlive = true;
    if (this.draining) response.shouldKeepAlive = false;
    this.body = { request, response, until: performance.now() + this.timeouts.bodyMs, upload: false };
    response.on("close", () => this.answered());
    const turn = (): void => this.turns.add(address, () => this.socket.destroyed || begin());
    if (this.running <= maxPipelined) return turn();
    this.waiting.push(turn);
    if (this.waiting.length < maxPipelined) return;
    this.paused = true;
    this.socket.pause();
  }

  /** The body that is received now is a file. */
  allowUpload(): void {
    if (this.body === undefined) return;
    const now = performance.now();
    this.body.until = now + this.timeouts.uploadMs;
    this.body.upload = true;
    this.received.restart(this.socket.bytesRead, now);
  }

  /** Its next answers say `Connection: close`, so that its caller moves to another server without losing a request. */
  drain(): void {
    this.draining = true;
    if (this.body !== undefined) this.body.response.shouldKeepAlive = false;
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

  /** Node reads on for the body of each request that is handled, and does so a little later, when the stream may be paused again. */
  private stopAgain(): void {
    if (!this.paused && !this.heldBack) return;
    if (this.socket.isPaused()) this.socket.emit("pause");
    else this.socket.pause();
  }

  private answered(): void {
    this.running -= 1;
    this.idleSince = performance.now();
    const next = this.waiting.shift();
    if (this.paused && this.waiting.length === 0) {
      this.paused = false;
      if (!this.heldBack) this.socket.resume();
    }
    next?.();
  }
}
