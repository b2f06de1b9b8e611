import { describe, expect, it } from "vitest";
import { Metrics } from "../../src/telemetry/metrics.ts";

describe("Metrics", () => {
  it("writes counters, gauges and histograms as Prometheus reads them", () => {
    const metrics = new Metrics();
    const requests = metrics.counter("requests_total", "Requests.");
    requests.add({ model: 'a"b\\c\nd' });
    requests.add({ model: "x" }, 2.5);
    requests.add({ model: "x" }, -4);
    metrics.gauge("running", "Running now.", () => [[{ engine: "e" }, 3]]);
    const seconds = metrics.histogram("seconds", "Time.", [0.1, 1]);
    for (const value of [0.05, 0.1, 0.5, 7]) seconds.observe({}, value);
    expect(metrics.text().split("\n")).toEqual([
      "# HELP requests_total Requests.",
      "# TYPE requests_total counter",
      'requests_total{model="a\\"b\\\\c\\nd"} 1',
      'requests_total{model="x"} 2.5',
      "# HELP running Running now.",
      "# TYPE running gauge",
      'running{engine="e"} 3',
      "# HELP seconds Time.",
      "# TYPE seconds histogram",
      'seconds_bucket{le="0.1"} 2',
      'seconds_bucket{le="1"} 3',
      'seconds_bucket{le="+Inf"} 4',
      "seconds_sum 7.65",
      "seconds_count 4",
      "",
    ]);
  });

  it("does not let label values grow without bound", () => {
    const metrics = new Metrics();
    const counter = metrics.counter("c_total", "C.");
    for (let index = 0; index < 5_000; index++) counter.add({ model: `m${index}` });
    const lines = metrics.text().split("\n");
    expect(lines.length).toBeLessThan(510);
    expect(lines).toContain('c_total{overflow="true"} 4500');
  });

  it("refuses a second metric of one name", () => {
    const metrics = new Metrics();
    metrics.counter("c", "C.");
    expect(() => metrics.counter("c", "C.")).toThrow("the metric c is there already");
  });
});
