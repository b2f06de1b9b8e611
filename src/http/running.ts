import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { LoopTurns } from "./connection/loop-turns.ts";

/** How long callers may read the end of an answer that is ended by force. */
const lastWordsMs = 1_000;

/** The requests being answered, so that a client's disconnect and a shutdown both reach the engine. */
export class RunningRequests {
  // fixed at birth
  /** When what runs is aborted: thousands whose callers leave together do not hold the event loop. */
  private readonly turns = new LoopTurns();
  // changed by events
  private readonly aborters = new Set<AbortController>();
  private readonly sockets = new Set<Socket>();

  /** Knows the server's connections from now on, those included that wait, were refused or speak WebSocket. */
  watch(server: Server): void {
    server.on("connection", (socket: Socket) => {
      this.sockets.add(socket);
      socket.once("close", () => this.sockets.delete(socket));
    });
  }

  /** An aborter that fires when the connection closes before the answer is complete. */
  track(response: ServerResponse): AbortController {
    const aborter = new AbortController();
    this.aborters.add(aborter);
    response.on("close", () => {
      this.aborters.delete(aborter);
      if (!response.writableFinished) this.turns.add("", () => aborter.abort());
    });
    return aborter;
  }

  /** An aborter of something longer than one answer, such as a WebSocket; the returned function lets it go. */
  join(aborter: AbortController): () => void {
    this.aborters.add(aborter);
    return () => this.aborters.delete(aborter);
  }

  /** Ends what runs, and shortly after it every connection: one that neither reads nor sends would never end. */
  abortAll(): void {
    for (const aborter of this.aborters) aborter.abort();
    const cut = (): void => {
      for (const socket of this.sockets) socket.destroy();
    };
    setTimeout(cut, lastWordsMs).unref();
  }
}
