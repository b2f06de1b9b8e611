import { ParleyError } from "../../../model/error.ts";
import type { Log } from "../../../telemetry/log.ts";
import type { ReplicaHealth } from "./options.ts";

/** One line in the log when a replica goes down and one when it is up again, with its address and the reason. */
export class HealthLog {
  // fixed at birth
  private readonly log: Pick<Log, "warn" | "info"> | undefined;
  private readonly onHealth: ((health: ReplicaHealth) => void) | undefined;
  // changed by events
  /** Replicas that are down, by name, with the reason; changed by `down` and `up`. */
  private readonly reasons = new Map<string, string>();

  constructor(log: Pick<Log, "warn" | "info"> | undefined, onHealth?: (health: ReplicaHealth) => void) {
    this.log = log;
    this.onHealth = onHealth;
  }

  /** Why a replica is down; `undefined` while it is up. */
  reason(replica: string): string | undefined {
    return this.reasons.get(replica);
  }

  down(replica: string, error: unknown): void {
    const reason = reasonOf(error);
    const known = this.reasons.has(replica);
    this.reasons.set(replica, reason);
    if (known) return;
    this.log?.warn({ replica, reason }, "replica is down: it gets no requests for a while");
    this.onHealth?.({ replica, up: false, reason });
  }

  up(replica: string): void {
    if (!this.reasons.delete(replica)) return;
    this.log?.info({ replica }, "replica is up again");
    this.onHealth?.({ replica, up: true });
  }
}

/** The words of the network where there are some: an upstream's own words may quote a request. */
function reasonOf(error: unknown): string {
  const cause = error instanceof ParleyError && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  // of a passed deadline the code is a number without meaning
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : "";
  const status = "status" in cause ? `status ${String(cause.status)}` : "";
  return [code, status].find((text) => text !== "") ?? (error instanceof ParleyError ? error.message : cause.message);
}
