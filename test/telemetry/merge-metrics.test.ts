import { expect, it } from "vitest";
import { countedMetrics, mergeMetrics } from "../../src/telemetry/merge-metrics.ts";
import { Metrics, metricsText } from "../../src/telemetry/metrics.ts";

function measured(by: number): Metrics {
  const metrics = new Metrics();
  const requests = metrics.counter("requests_total", "Requests.");
  requests.add({ model: "a" }, by);
  requests.add({ model: `only ${by}` });
  metrics.gauge("running", "Running.", () => [[{}, by]]);
  metrics.gauge("up", "Up.", () => [[{ replica: "r" }, by % 2]], "max");
  metrics.gauge("start", "Start.", () => [[{}, by]], "min");
  const seconds = metrics.histogram("seconds", "Time.", [2]);
  seconds.observe({}, by);
  return metrics;
}

it("adds counters and histograms up, and gauges as they are meant", () => {
  const all = [measured(1), measured(4)].map((one) => one.snapshot());
  expect(
    metricsText(mergeMetrics(all))
      .split("\n")
      .filter((line) => !line.startsWith("#")),
  ).toEqual([
    'requests_total{model="a"} 5',
    'requests_total{model="only 1"} 1',
    'requests_total{model="only 4"} 1',
    "running 5",
    'up{replica="r"} 1',
    "start 1",
    'seconds_bucket{le="2"} 1',
    'seconds_bucket{le="+Inf"} 2',
    "seconds_sum 5",
    "seconds_count 2",
    "",
  ]);
});

it("is the same text for one process", () => {
  expect(metricsText(mergeMetrics([measured(3).snapshot()]))).toBe(measured(3).text());
});

it("keeps of a process that has ended what it counted", () => {
  const names = countedMetrics(measured(2).snapshot()).map(({ name }) => name);
  expect(names).toEqual(["requests_total", "seconds"]);
});
