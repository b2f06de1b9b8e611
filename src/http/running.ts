import type { ServerResponse } from "node:http";

/** The requests being answered, so that a client's disconnect and a shutdown both reach the engine. */
export class RunningRequests {
  // changed by events
  private readonly aborters = new Set<AbortController>();

  /** An aborter that fires when the connection closes before the answer is complete. */
  track(response: ServerResponse): AbortController {
    const aborter = new AbortController();
    this.aborters.add(aborter);
    response.once("close", () => {
      this.aborters.delete(aborter);
      if (!response.writableFinished) aborter.abort();
    });
    return aborter;
  }

  /** An aborter of something longer than one answer, such as a WebSocket; the returned function lets it go. */
  join(aborter: AbortController): () => void {
    this.aborters.add(aborter);
    return () => this.aborters.delete(aborter);
  }

  abortAll(): void {
    for (const aborter of this.aborters) aborter.abort();
  }
}
