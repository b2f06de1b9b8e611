import type { Catalog, Target } from "../engine/engine.ts";
import type { Transcript } from "../model/transcript.ts";
import type { LedgerRow } from "../store/store.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { EngineLines } from "./engine-line.ts";

/** One generation that is over, for those who count. Milliseconds. */
export interface Measured {
  /** The catalog's name, not the caller's spelling. */
  model: string;
  target: Target;
  /** Which replica answered, where the engine has several. */
  replica: string | undefined;
  transcript: Transcript;
  /** A finish reason or an error's kind. */
  how: string;
  /** From the request's arrival at the service to its first batch. */
  firstMs: number;
  /** To its end. */
  totalMs: number;
}

export type Measure = (measured: Measured) => void;

const firstBounds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const speedBounds = [1, 5, 10, 20, 40, 80, 160, 320, 640, 1280];
/** Shorter answers say nothing about speed. */
const fewestTokens = 8;

/** What was charged, as a Prometheus series. */
export function measureCost(metrics: Metrics): (row: Pick<LedgerRow, "model" | "cost">) => void {
  const cost = metrics.counter("parley_cost_micros_total", "Millionths of a dollar booked, by model.");
  return (row) => cost.add({ model: row.model }, row.cost);
}

/** Generations as Prometheus series: outcomes, tokens, time to first token, speed, and the engines' load when read. */
export function measureGenerations(metrics: Metrics, catalog: Catalog, lines: EngineLines): Measure {
  const generations = metrics.counter("parley_generations_total", "Generations by model, engine and outcome.");
  const tokens = metrics.counter("parley_tokens_total", "Tokens by model and direction; cached is part of input.");
  const held = metrics.counter(
    "parley_replica_tokens_total",
    "Input tokens by replica and direction; cached is part of input.",
  );
  const first = metrics.histogram("parley_time_to_first_token_seconds", "Time to the first batch.", firstBounds);
  const speed = metrics.histogram("parley_output_tokens_per_second", "Speed after the first batch.", speedBounds);
  metrics.gauge("parley_engine_running", "Answers under way, by engine.", () =>
    [...catalog.engines()].map(([name, engine]) => [{ engine: name }, engine.load().running] as const),
  );
  metrics.gauge("parley_engine_waiting", "Requests waiting for a slot, by engine.", () =>
    [...catalog.engines()].map(
      ([name, engine]) => [{ engine: name }, engine.load().waiting + lines.waiting(engine)] as const,
    ),
  );
  measureReplicas(metrics, catalog);
  return ({ model, target, replica, transcript, how, firstMs, totalMs }) => {
    generations.add({ model, engine: target.engineName, outcome: how });
    first.observe({ model }, firstMs / 1000);
    const { usage } = transcript;
    if (usage === undefined) return;
    for (const direction of ["input", "cached", "output", "reasoning"] as const) {
      tokens.add({ model, direction }, usage[direction]);
    }
    if (replica !== undefined) {
      for (const direction of ["input", "cached"] as const) {
        held.add({ engine: target.engineName, replica, direction }, usage[direction]);
      }
    }
    const seconds = (totalMs - firstMs) / 1000;
    if (usage.output >= fewestTokens && seconds > 0) speed.observe({ model }, usage.output / seconds);
  };
}

/** Every replica of every engine, when read. */
function measureReplicas(metrics: Metrics, catalog: Catalog): void {
  const gauge = (name: string, help: string, value: (replica: { up: boolean; running: number }) => number): void =>
    metrics.gauge(name, help, () =>
      [...catalog.engines()].flatMap(([engine, port]) =>
        (port.members?.() ?? []).map((one) => [{ engine, replica: one.name }, value(one)] as const),
      ),
    );
  gauge("parley_replica_running", "Answers under way, by replica.", ({ running }) => running);
  gauge("parley_replica_up", "1 while a replica is trusted, 0 while its circuit is open.", ({ up }) => (up ? 1 : 0));
}
