import { countedMetrics, mergeMetrics } from "../telemetry/merge-metrics.ts";
import { measureMemory, Metrics, metricsText, type Counter, type MetricFamily } from "../telemetry/metrics.ts";
import type { WorkerProcess } from "./worker-process.ts";

type Measured = Pick<WorkerProcess<never>, "number" | "measured" | "calls">;

/** A worker that does not answer within this time counts with what it had counted before. */
const answerMs = 1_000;

/** What all workers measured, those that have ended included. */
export class WorkerMetrics {
  // fixed at birth
  /** Workers that were started again after they had ended by themselves. */
  readonly restarts: Counter;
  private readonly live: () => readonly Measured[];
  private readonly own = new Metrics();
  // changed by events
  /** What workers that have ended counted, as last reported; `retire` adds to it. */
  private retired: readonly MetricFamily[] = [];
  /** A reading under way; shared by all who ask meanwhile. */
  private reading: Promise<string> | undefined;

  /** `live`: the workers that run now. */
  constructor(live: () => readonly Measured[]) {
    this.live = live;
    measureMemory(this.own);
    this.own.gauge("parley_workers", "Workers that run.", () => [[{}, live().length]]);
    this.restarts = this.own.counter(
      "parley_worker_restarts_total",
      "Workers that ended by themselves and were replaced.",
    );
  }

  text(): Promise<string> {
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    return this.reading;
  }

  /** To be called once when a worker has ended: its counts stay in the sums. */
  retire({ measured }: Pick<Measured, "measured">): void {
    this.retired = mergeMetrics([this.retired, countedMetrics(measured)]);
  }

  private async read(): Promise<string> {
    const asked = this.live();
    const all = await Promise.all(asked.map(measure));
    // what a worker counted that ended meanwhile is among the retired
    const live = new Set(this.live());
    const measured = all.filter((_, index) => live.has(asked[index] as Measured));
    return metricsText(mergeMetrics([...measured, this.retired, this.own.snapshot()]));
  }
}

async function measure(worker: Measured): Promise<readonly MetricFamily[]> {
  const { promise: late, resolve } = Promise.withResolvers<readonly MetricFamily[]>();
  const counted = (): readonly MetricFamily[] => countedMetrics(worker.measured);
  const timer = setTimeout(() => resolve(counted()), answerMs);
  const measured = worker.calls.call("measure").then((families) => (worker.measured = families), counted);
  return Promise.race([measured, late]).finally(() => clearTimeout(timer));
}
