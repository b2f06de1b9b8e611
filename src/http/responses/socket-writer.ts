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
  // changed by events
  /** Settles when everything given so far is sent or buffered. */
  private last: Promise<void> = Promise.resolve();
  /** Messages that are being sent or wait. */
  private pending = 0;

  constructor(socket: WebSocket) {
    this.socket = socket;
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
    const options = { binary: false, fin };
    if (this.socket.bufferedAmount < maxBufferedBytes) {
      this.socket.send(piece, options, () => undefined);
      return undefined;
    }
    this.socket.pause();
    return new Promise((resolve) => this.socket.send(piece, options, () => resolve()));
  }
}
