import { onceOrAborted } from "../../../lib/abort.ts";

/** Counts requests from their start until they end or are aborted, also when no one reads them any more. */
export class InFlight {
  // changed by events
  /** Requests that have not ended; raised by `enter`, lowered by what it returns or by the abort. */
  count = 0;

  /** Returns what ends the request; may be called more than once. */
  enter(signal: AbortSignal): () => void {
    this.count += 1;
    return onceOrAborted(signal, () => (this.count -= 1));
  }
}
