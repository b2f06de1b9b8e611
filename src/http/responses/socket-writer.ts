import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { slices } from "../slices.ts";

/** Bytes that may wait for a slow reader before the sender waits too. */
const maxBufferedBytes = 1024 * 1024;

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

  private put(piece: string | Buffer, fin: boolean): Promise<void> | undefined {
    if (this.connection.destroyed) {
      this.onGone();
      return undefined;
    }
    const options = { binary: false, fin };
    if (this.socket.bufferedAmount < maxBufferedBytes) {
      this.socket.send(piece, options, () => undefined);
      return undefined;
    }
    this.socket.pause();
    return new Promise((resolve) => this.socket.send(piece, options, () => resolve()));
  }
}
