import type { Log } from "../../../telemetry/log.ts";

/**
 * Why a replica was chosen. `affinity`: the key's own; `spill`: the own one has its full share of the load; `failover`:
 * the own one is down; `retry`: another failed before it began; `panic`: all seem down, so any may prove otherwise;
 * `load`: affinity is off.
 */
export type RouteReason = "affinity" | "spill" | "failover" | "retry" | "panic" | "load";

/** Which replica was chosen for one try of a request. */
export interface ReplicaChoice {
  /** Public name of the replica: host and port. */
  replica: string;
  reason: RouteReason;
}

/** A replica that went down, or is up again. */
export interface ReplicaHealth {
  replica: string;
  up: boolean;
  /** Why it is down. */
  reason?: string | undefined;
}

export interface ReplicaOptions {
  /** Default true; false chooses the least loaded. */
  affinity?: boolean | undefined;
  /** Tries per request, the first included; default one per replica, at least 2, at most 4. */
  attempts?: number | undefined;
  /** Failures in a row that open the circuit breaker of a replica. Default 3. */
  failures?: number | undefined;
  /** Milliseconds a circuit breaker stays open at first. Default 2,000. */
  cooldownMs?: number | undefined;
  /** Milliseconds between health probes; 0: none. Default 5,000. */
  probeMs?: number | undefined;
  /** Gets a line when a replica goes down or comes back. */
  log?: Pick<Log, "warn" | "info"> | undefined;
  /** Called when a replica goes down, with the reason, and when it is up again. */
  onHealth?: ((health: ReplicaHealth) => void) | undefined;
  /** Called for every try of a request, before it is made. */
  onReplicaChosen?: ((choice: ReplicaChoice) => void) | undefined;
  tuning?: Partial<ReplicaTuning> | undefined;
}

/** What no one has to set: measured values, and a clock and chance that tests replace. */
export interface ReplicaTuning {
  /** A replica whose slots are full holds at most this multiple of its fair share of the running requests. */
  loadBound: number;
  /** Milliseconds before a second try of the same replicas; doubled each time, with jitter. */
  backoffMs: number;
  /** Milliseconds. */
  now: () => number;
  /** 0 to 1. */
  random: () => number;
}

export const defaultTuning: ReplicaTuning = {
  loadBound: 1.25,
  backoffMs: 100,
  now: () => performance.now(),
  random: () => Math.random(),
};
