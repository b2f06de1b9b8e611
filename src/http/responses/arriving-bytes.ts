import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { ByteBudget, ByteLease } from "../../lib/byte-budget.ts";
import { toParleyError, type ParleyError } from "../../model/error.ts";

/** Bytes of a control frame besides its payload: a header of two and a mask of four (RFC 6455, 5.2). */
const controlFrameBytes = 6;

export interface ArrivingBytesOptions {
  socket: Socket;
  budget: ByteBudget;
  /** The key. */
  owner: string;
  /** Called once, when more arrives than fits. */
  onRefusal: (error: ParleyError) => void;
}

/**
 * Counts what a WebSocket gathers of a message that is not complete. The library shows a message when it is whole, and
 * until then holds its fragments.
 */
export class ArrivingBytes {
  // fixed at birth
  private readonly options: ArrivingBytesOptions;
  private readonly count: (chunk: Buffer) => void;
  // changed by events
  /** Of the message that arrives now; `take` hands it on and begins another. */
  private lease: ByteLease;
  /** Set when more arrived than fits: nothing is counted any more. */
  private refused = false;

  constructor(connection: WebSocket, options: ArrivingBytesOptions) {
    this.options = options;
    this.lease = options.budget.lease(options.owner);
    this.count = (chunk) => this.grow(chunk.length);
    // before the library's own listener, which shows the message
    options.socket.prependListener("data", this.count);
    const forget = (payload: Buffer): void => this.lease.shrink(controlFrameBytes + payload.length);
    connection.on("ping", forget);
    connection.on("pong", forget);
  }

  /** The lease of the message that has just arrived. */
  take(): ByteLease {
    const { lease } = this;
    this.lease = this.options.budget.lease(this.options.owner);
    return lease;
  }

  close(): void {
    this.options.socket.off("data", this.count);
    this.lease.clear();
  }

  private grow(bytes: number): void {
    if (this.refused) return;
    try {
      this.lease.grow(bytes);
    } catch (error) {
      this.refused = true;
      this.options.onRefusal(toParleyError(error));
    }
  }
}
