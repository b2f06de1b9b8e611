import type { MetricFamily } from "../telemetry/metrics.ts";

/** What a worker is started with. `Settings` are plain values that the worker's own code reads. */
export interface StartOrder<Settings> {
  /** From 1; a worker that takes the place of another has its number. */
  number: number;
  /** Whether the server starts with it: engines that do not answer are an error then, and the screen is made. */
  isFirst: boolean;
  settings: Settings;
  /** What was read again since; taken over before the port is opened. */
  reloaded?: Settings | undefined;
  /** Where it listens, whatever its settings say. */
  at: Address;
  /** Where it finds embedded engines (`SharedEngines`). */
  engineFolder?: string | undefined;
}

export interface Address {
  host: string;
  port: number;
}

export interface StopOrder {
  /** In the log. */
  signal: string;
  /** Whether another worker goes on with the port. */
  replaced: boolean;
}

/** What the supervisor asks of a worker. */
export type WorkerCalls<Settings> = {
  /** Resolves when it serves, with what an operator reads when the server has started; empty unless it is the first one. */
  start(order: StartOrder<Settings>): Promise<string>;
  /** Checks other settings and keeps them for `adopt` or `discard`. */
  prepare(settings: Settings): Promise<void>;
  /** Writes the keys that the prepared settings declare. */
  declare(): Promise<void>;
  /** Uses the prepared settings; returns the names of changed settings that need a restart. */
  adopt(): Promise<readonly string[]>;
  discard(): Promise<void>;
  /** Answered at once by a worker that does not hang. */
  ping(): Promise<void>;
  measure(): Promise<MetricFamily[]>;
  /** Resolves when all that ran is over, with what was measured last. */
  stop(order: StopOrder): Promise<MetricFamily[]>;
  /** Ends at once what a `stop` lets run. */
  abort(): Promise<void>;
};

/** What a worker asks of the supervisor. */
export type SupervisorCalls = {
  /** What all workers measured. */
  metricsText(): Promise<string>;
  /** Asks for another worker in the place of this one. */
  replace(): Promise<void>;
};
