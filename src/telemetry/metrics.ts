import { monitorEventLoopDelay } from "node:perf_hooks";

/** Counters, gauges and histograms in Prometheus text (exposition format 0.0.4). No registry but the one you make. */

export type Labels = Readonly<Record<string, string>>;

/** One value of a series as it is written; `name` is the family's, in a histogram with its suffix. */
export interface Sample {
  name: string;
  labels: Labels;
  value: number;
}

/** How the values that several processes have for one series become one. */
export type Merge = "sum" | "max" | "min";

/** A metric at one moment: plain values, which may be sent to another process. */
export interface MetricFamily {
  name: string;
  help: string;
  kind: "counter" | "gauge" | "histogram";
  merge: Merge;
  samples: readonly Sample[];
}

interface Family extends Omit<MetricFamily, "name" | "samples"> {
  samples: (name: string) => Sample[];
}

/** One registry of metrics. */
export class Metrics {
  private readonly families = new Map<string, Family>();

  /** Adds up. */
  counter(name: string, help: string): Counter {
    const counter = new Counter();
    this.add(name, { kind: "counter", help, merge: "sum", samples: (full) => counter.samples(full) });
    return counter;
  }

  /** `read` is called for every `snapshot`; `merge`: what several processes have together. */
  gauge(name: string, help: string, read: () => readonly (readonly [Labels, number])[], merge: Merge = "sum"): void {
    const samples = (full: string): Sample[] => read().map(([labels, value]) => ({ name: full, labels, value }));
    this.add(name, { kind: "gauge", help, merge, samples });
  }

  /** Counts values into buckets; `bounds` are upper bounds, rising. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    const histogram = new Histogram(bounds);
    this.add(name, { kind: "histogram", help, merge: "sum", samples: (full) => histogram.samples(full) });
    return histogram;
  }

  snapshot(): MetricFamily[] {
    return [...this.families].map(([name, { samples, ...family }]) => ({ name, ...family, samples: samples(name) }));
  }

  text(): string {
    return metricsText(this.snapshot());
  }

  private add(name: string, family: Family): void {
    if (this.families.has(name)) throw new Error(`the metric ${name} is there already`);
    this.families.set(name, family);
  }
}

/** Metrics in the form that Prometheus reads. */
export function metricsText(families: readonly MetricFamily[]): string {
  let out = "";
  for (const { name, help, kind, samples } of families) {
    out += `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${kind}\n`;
    for (const sample of samples) out += `${line(sample)}\n`;
  }
  return out;
}

/** Label sets beyond this share one series: callers choose model names, and must not fill the memory with them. */
const maxSeries = 500;

class Series<T> {
  // changed by events
  /** By the labels as JSON; `at` adds the first value of a label set. */
  private readonly byKey = new Map<string, { labels: Labels; value: T }>();
  // fixed at birth
  private readonly fresh: () => T;

  constructor(fresh: () => T) {
    this.fresh = fresh;
  }

  at(labels: Labels): { labels: Labels; value: T } {
    const key = JSON.stringify(labels);
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    if (this.byKey.size >= maxSeries && labels["overflow"] === undefined) return this.at({ overflow: "true" });
    const made = { labels, value: this.fresh() };
    this.byKey.set(key, made);
    return made;
  }

  all(): Iterable<{ labels: Labels; value: T }> {
    return this.byKey.values();
  }
}

/**
 * What was made of each label set, so that a label set that comes again and again is looked up by one text. Those beyond as many
 * as a metric has are made anew each time.
 */
export class BoundLabels<Bound> {
  // changed by events
  private readonly made = new Map<string, Bound>();

  /** What `make` made of this key, a text that differs for each label set. */
  at(key: string, make: () => Bound): Bound {
    const known = this.made.get(key);
    if (known !== undefined) return known;
    const bound = make();
    if (this.made.size < maxSeries) this.made.set(key, bound);
    return bound;
  }
}

export class Counter {
  private readonly series = new Series(() => 0);

  add(labels: Labels, by = 1): void {
    if (by > 0) this.series.at(labels).value += by;
  }

  /** `add` for one label set, which is looked up once. */
  of(labels: Labels): (by?: number) => void {
    let found: { value: number } | undefined;
    return (by = 1) => {
      if (by > 0) (found ??= this.series.at(labels)).value += by;
    };
  }

  samples(name: string): Sample[] {
    return [...this.series.all()].map(({ labels, value }) => ({ name, labels, value }));
  }
}

/** One label set of a histogram: values by bucket, their sum and their number. */
interface Buckets {
  buckets: number[];
  sum: number;
  count: number;
}

export class Histogram {
  private readonly bounds: readonly number[];
  private readonly series: Series<Buckets>;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.series = new Series(() => ({ buckets: bounds.map(() => 0), sum: 0, count: 0 }));
  }

  observe(labels: Labels, value: number): void {
    this.count(this.series.at(labels).value, value);
  }

  /** `observe` for one label set, which is looked up once. */
  of(labels: Labels): (value: number) => void {
    let found: { value: Buckets } | undefined;
    return (value) => this.count((found ??= this.series.at(labels)).value, value);
  }

  private count(state: Buckets, value: number): void {
    const index = this.bounds.findIndex((bound) => value <= bound);
    if (index >= 0) state.buckets[index] = (state.buckets[index] ?? 0) + 1;
    state.sum += value;
    state.count += 1;
  }

  samples(name: string): Sample[] {
    return [...this.series.all()].flatMap(({ labels, value }) => {
      let below = 0;
      const buckets = this.bounds.map((bound, index) => {
        below += value.buckets[index] ?? 0;
        return { name: `${name}_bucket`, labels: { ...labels, le: String(bound) }, value: below };
      });
      return [
        ...buckets,
        { name: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: value.count },
        { name: `${name}_sum`, labels, value: value.sum },
        { name: `${name}_count`, labels, value: value.count },
      ];
    });
  }
}

function line({ name, labels, value }: Sample): string {
  const inside = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
  return `${name}${inside.length === 0 ? "" : `{${inside.join(",")}}`} ${value}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

const nanosPerSecond = 1e9;

/** Gauges of the process itself: memory, start, delay of the event loop. The result stops the measuring. */
export function measureProcess(metrics: Metrics): () => void {
  const started = Date.now() / 1000 - process.uptime();
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  measureMemory(metrics);
  metrics.gauge("process_start_time_seconds", "Unix time of the start.", () => [[{}, started]], "min");
  const readDelay = (): readonly (readonly [Labels, number])[] => {
    const p99 = delay.percentile(99) / nanosPerSecond;
    delay.reset();
    return [[{}, p99]];
  };
  const help = "Delay of the event loop since the last reading.";
  metrics.gauge("parley_event_loop_delay_p99_seconds", help, readDelay, "max");
  return () => delay.disable();
}

/** The gauge of the memory that the process takes. */
export function measureMemory(metrics: Metrics): void {
  metrics.gauge("process_resident_memory_bytes", "Resident memory.", () => [[{}, process.memoryUsage.rss()]]);
}
