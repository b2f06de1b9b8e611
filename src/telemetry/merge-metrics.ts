import type { Merge, MetricFamily, Sample } from "./metrics.ts";

/** Where a process is one of several that serve one port. */
export interface WorkerPlace {
  /** Its number among them, from 1; in every line of its log. */
  number: number;
  /** What all of them measured, in the form that Prometheus reads. */
  metricsText: () => Promise<string>;
}

const merged: Readonly<Record<Merge, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
};

/** What several processes measured, as if it had been one; families and series in the order in which they first appear. */
export function mergeMetrics(all: readonly (readonly MetricFamily[])[]): MetricFamily[] {
  const families = new Map<string, { family: MetricFamily; samples: Map<string, Sample> }>();
  for (const family of all.flat()) {
    const known = families.get(family.name) ?? { family, samples: new Map<string, Sample>() };
    families.set(family.name, known);
    for (const sample of family.samples) {
      const key = seriesKey(sample);
      const before = known.samples.get(key);
      const value = before === undefined ? sample.value : merged[known.family.merge](before.value, sample.value);
      known.samples.set(key, { ...sample, value });
    }
  }
  return [...families.values()].map(({ family, samples }) => ({ ...family, samples: [...samples.values()] }));
}

/** What a process that has ended still counts for: what was counted stays, what was true of it is not true any more. */
export function countedMetrics(families: readonly MetricFamily[]): MetricFamily[] {
  return families.filter(({ kind }) => kind !== "gauge");
}

function seriesKey({ name, labels }: Sample): string {
  const sorted = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, sorted]);
}
