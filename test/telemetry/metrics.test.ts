import { describe, expect, it } from "vitest";
import { BoundLabels, Metrics } from "../../src/telemetry/metrics.ts";

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

  it("counts label sets that are bound like those that are not", () => {
    const metrics = new Metrics();
    const requests = metrics.counter("requests_total", "Requests.");
    const seconds = metrics.histogram("seconds", "Time.", [1]);
    const [bound, unused, observe] = [requests.of({ a: "x" }), requests.of({ a: "y" }), seconds.of({ a: "x" })];
    requests.add({ a: "x" });
    bound();
    bound(2);
    bound(-4);
    unused(0);
    observe(0.5);
    seconds.observe({ a: "x" }, 2);
    const lines = metrics.text().split("\n");
    expect(lines.filter((line) => line.startsWith("requests_total"))).toEqual(['requests_total{a="x"} 4']);
    expect(lines).toContain('seconds_bucket{a="x",le="1"} 1');
    expect(lines).toContain('seconds_count{a="x"} 2');
  });

  it("keeps no more label sets than a metric has", () => {
    const known = new BoundLabels<number>();
    let made = 0;
    const at = (index: number): number => known.at(`k${index}`, () => (made += 1));
    expect([at(0), at(0), at(1)]).toEqual([1, 1, 2]);
    for (let index = 2; index < 5_000; index++) at(index);
    expect([at(0), at(499), at(4_999), at(4_999)]).toEqual([1, 500, 5_001, 5_002]);
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
