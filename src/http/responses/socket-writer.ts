import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { slices } from "../slices.ts";

/**
 * Bytes that may wait for a slow reader before the sender waits too. What waits becomes one write, and the clock of the connection
 * sees of a write only its end: with more, a reader who takes 64 KiB in time would seem to take nothing.
 */
const maxBufferedBytes = 64 * 1024;

/**
 * Sends the messages of one WebSocket, one after another; a long one goes out in fragments. While its reader is slow nothing
 * more is read from it. The clock of the connection ends a reader who takes nothing.
 */
export class SocketWriter {
  // fixed at birth
  private readonly socket: WebSocket;
  private readonly connection: Duplex;
  private readonly onGone: () => void;
  // changed by events
  /** Settles when everything given so far is sent or buffered. */
  private last: Promise<void> = Promise.resolve();
  /** Settles when the reader has taken everything sent so far. */
  private taken: Promise<void> = Promise.resolve();
  /** Messages that are being sent or wait. */
  private pending = 0;

  /**
   * `connection`: what the socket runs on. `onGone`: called when something cannot be sent any more because it is gone; the
   * events of both come only when the work that sends leaves the event loop to others.
   */
  constructor(socket: WebSocket, connection: Duplex, onGone: () => void) {
    this.socket = socket;
    this.connection = connection;
    this.onGone = onGone;
  }

  /** Settles when everything given so far is sent or buffered. */
  get sent(): Promise<void> {
    return this.last;
  }

  /** Resolves when more may be sent. Never rejects: who is gone gets nothing. */
  send(text: string): Promise<void> {
    this.pending += 1;
    this.last = this.last.then(async () => {
      let piece: string | Buffer | undefined;
      for (const next of slices(text)) {
        if (piece !== undefined) await this.put(piece, false);
        piece = next;
      }
      await this.put(piece ?? "", true);
      this.pending -= 1;
      if (this.pending === 0 && this.socket.isPaused) this.socket.resume();
    });
    return this.last;
  }

  private async put(piece: string | Buffer, fin: boolean): Promise<void> {
    const waiting = this.socket.bufferedAmount;
    if (waiting > 0 && waiting + Buffer.byteLength(piece) > maxBufferedBytes) {
      this.socket.pause();
      await this.taken;
    }
    if (this.connection.destroyed) return this.onGone();
    const sent = Promise.withResolvers<void>();
    this.taken = sent.promise;
    this.socket.send(piece, { binary: false, fin }, () => sent.resolve());
  }
}
