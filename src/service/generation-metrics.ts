import type { Catalog } from "../engine/engine.ts";
import type { Usage } from "../model/event.ts";
import type { LedgerRow } from "../store/store.ts";
import { BoundLabels, type Metrics } from "../telemetry/metrics.ts";
import type { EngineQueues } from "./engine-queue.ts";
import type { GenerationObserver, LostTry } from "./generation.ts";

const firstBounds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const speedBounds = [1, 5, 10, 20, 40, 80, 160, 320, 640, 1280];
/** Shorter answers say nothing about speed. */
const minSpeedTokens = 8;

const directions = ["input", "cached", "output", "reasoning"] as const;
const inputDirections = ["input", "cached"] as const;

type AddTokens = readonly [direction: keyof Usage, add: (tokens: number) => void];

/** The series of generations that have all labels in common. */
interface BoundSeries {
  generation: () => void;
  /** Seconds. */
  first: (seconds: number) => void;
  /** Tokens a second. */
  speed: (tokens: number) => void;
  tokens: readonly AddTokens[];
  ofReplica: readonly AddTokens[];
}

/** What was booked, as a Prometheus series. */
export function recordCost(metrics: Metrics): (row: Pick<LedgerRow, "model" | "cost">) => void {
  const cost = metrics.counter("parley_cost_micros_total", "Millionths of a dollar booked, by model.");
  return (row) => cost.add({ model: row.model }, row.cost);
}

/** Generations as Prometheus series: outcomes, tokens, time to first token, speed, and the engines' load when read. */
export function recordGenerations(metrics: Metrics, catalog: Catalog, queues: EngineQueues): GenerationObserver {
  const generations = metrics.counter("parley_generations_total", "Generations by model, engine and outcome.");
  const tokens = metrics.counter("parley_tokens_total", "Tokens by model and direction; cached is part of input.");
  const byReplica = metrics.counter(
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
      ([name, engine]) => [{ engine: name }, engine.load().waiting + queues.waiting(engine)] as const,
    ),
  );
  recordReplicas(metrics, catalog);
  const known = new BoundLabels<BoundSeries>();
  const bind = (model: string, engine: string, outcome: string, replica: string | undefined): BoundSeries => ({
    generation: generations.of({ model, engine, outcome }),
    first: first.of({ model }),
    speed: speed.of({ model }),
    tokens: directions.map((direction) => [direction, tokens.of({ model, direction })]),
    ofReplica: inputDirections.map((direction) => [
      direction,
      replica === undefined ? () => undefined : byReplica.of({ engine, replica, direction }),
    ]),
  });
  return ({ model = "", started, transcript, outcome, totalMs, usage }) => {
    if (started === undefined) return;
    const { firstMs, target, whole } = started;
    const engine = target.engineName;
    const replica = transcript.servedBy?.replica;
    const key = JSON.stringify([model, engine, outcome, replica]);
    const series = known.at(key, () => bind(model, engine, outcome, replica));
    series.generation();
    if (!whole) series.first(firstMs / 1000);
    if (usage === undefined) return;
    for (const [direction, add] of series.tokens) add(usage[direction]);
    for (const [direction, add] of series.ofReplica) add(usage[direction]);
    const seconds = (totalMs - firstMs) / 1000;
    if (!whole && usage.output >= minSpeedTokens && seconds > 0) series.speed(usage.output / seconds);
  };
}

/** Tries of answers that broke off unseen and were begun again elsewhere: no one is charged for their tokens. */
export function recordLostTries(metrics: Metrics): (lost: LostTry) => void {
  const tries = metrics.counter(
    "parley_lost_tries_total",
    "Tries of answers that broke off unseen and were begun again, by model, engine, replica and kind of error.",
  );
  const tokens = metrics.counter("parley_lost_tokens_total", "Tokens of these tries, by model and direction.");
  return ({ model, engine, replica = "", kind, usage }) => {
    tries.add({ model, engine, replica, kind });
    for (const direction of ["input", "output"] as const) tokens.add({ model, direction }, usage[direction]);
  };
}

/** Every replica of every engine, when read. A replica is up for several processes where it is up for one of them. */
function recordReplicas(metrics: Metrics, catalog: Catalog): void {
  const read = (value: (replica: { up: boolean; running: number }) => number) => () =>
    [...catalog.engines()].flatMap(([engine, port]) =>
      (port.members?.() ?? []).map((one) => [{ engine, replica: one.name }, value(one)] as const),
    );
  const running = read((replica) => replica.running);
  const up = read((replica) => (replica.up ? 1 : 0));
  metrics.gauge("parley_replica_running", "Answers under way, by replica.", running);
  metrics.gauge("parley_replica_up", "1 while a replica is up, 0 while its circuit is open.", up, "max");
}
