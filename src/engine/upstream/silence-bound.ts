import { ParleyError } from "../../model/error.ts";
import { isCutByGateway } from "./wire/failure.ts";

/** The shortest bounds of gateways are 30 s. */
const defaultGatewayMs = 25_000;
/** After this time it is tried again whether a gateway still ends silent requests: the failure may have been the server's own. */
const keptMs = 10 * 60_000;

/** Whether a gateway before a server ends requests that are silent for long, as far as answers have shown it. */
export class SilenceBound {
  // fixed at birth
  private readonly gatewayMs: number;
  // changed by events
  /** Until when silent requests are avoided, on the clock of `performance`; set by `record`. */
  private until = 0;

  /** `gatewayMs`: milliseconds after which a silent request that ends was perhaps ended by a gateway. */
  constructor(gatewayMs = defaultGatewayMs) {
    this.gatewayMs = gatewayMs;
  }

  get isKnown(): boolean {
    return performance.now() < this.until;
  }

  /** Whether a gateway may have ended a silent request that was sent at `askedAt`. */
  mayHaveEnded(thrown: unknown, askedAt: number): thrown is ParleyError {
    if (performance.now() - askedAt < this.gatewayMs) return false;
    return thrown instanceof ParleyError && isCutByGateway(thrown);
  }

  /** The same request was answered as a stream. */
  record(): void {
    this.until = performance.now() + keptMs;
  }
}
