import { afterEach, describe, expect, it } from "vitest";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { OtlpExporter, type OtlpOptions } from "../../src/telemetry/otlp.ts";
import type { Span } from "../../src/telemetry/span.ts";
import { LogRecord, attributesOf, startCollector, until } from "./record.ts";

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

async function start(statuses: number[] = [], more: Partial<OtlpOptions> = {}) {
  const collector = await startCollector(statuses);
  const record = new LogRecord();
  const metrics = new Metrics();
  const options = { url: collector.url, headers: {}, resource: { "service.name": "p" }, log: record.log, metrics };
  const exporter = new OtlpExporter({ ...options, retryMs: 1, ...more });
  stops.push(collector.stop, () => exporter.close());
  return { collector, record, exporter, metrics };
}

const span = (more: Partial<Span> = {}): Span => ({
  traceId: "a".repeat(32),
  spanId: "b".repeat(16),
  parentId: undefined,
  name: "one",
  kind: "internal",
  startMs: 1_700_000_000_000.25,
  endMs: 1_700_000_000_001.5,
  attributes: {},
  failed: false,
  ...more,
});

describe("OtlpExporter", () => {
  it("sends what it has on close, in the form of OTLP", async () => {
    const { collector, exporter, metrics } = await start([], { headers: { authorization: "Bearer t" } });
    const attributes = {
      text: "你好 🌊",
      whole: 3,
      half: 0.5,
      marked: { double: 2 },
      yes: true,
      list: ["a", "b"],
      no: undefined,
    };
    exporter.add(span({ attributes, kind: "client", parentId: "c".repeat(16), failed: true }));
    await exporter.close();
    expect(collector.requests).toMatchObject([
      { path: "/v1/traces", headers: { "content-type": "application/json", authorization: "Bearer t" } },
    ]);
    const [sent] = collector.spans();
    expect(sent).toMatchObject({
      traceId: "a".repeat(32),
      parentSpanId: "c".repeat(16),
      kind: 3,
      startTimeUnixNano: "1700000000000250000",
      endTimeUnixNano: "1700000000001500000",
      status: { code: 2 },
    });
    expect(sent?.attributes).toEqual([
      { key: "text", value: { stringValue: "你好 🌊" } },
      { key: "whole", value: { intValue: "3" } },
      { key: "half", value: { doubleValue: 0.5 } },
      { key: "marked", value: { doubleValue: 2 } },
      { key: "yes", value: { boolValue: true } },
      { key: "list", value: { arrayValue: { values: [{ stringValue: "a" }, { stringValue: "b" }] } } },
    ]);
    expect(collector.resources()).toEqual([{ "service.name": "p" }]);
    expect(metrics.text()).toContain('parley_trace_spans_total{outcome="sent"} 1');
  });

  it("takes the full URL as well as the base", async () => {
    const collector = await startCollector();
    stops.push(collector.stop);
    for (const url of [`${collector.url}/v1/traces`, `${collector.url}/`, `${collector.url}/below/`]) {
      const { exporter } = await start([], { url });
      exporter.add(span());
      await exporter.close();
    }
    expect(collector.requests.map(({ path }) => path)).toEqual(["/v1/traces", "/v1/traces", "/below/v1/traces"]);
  });

  it("sends by itself after a while, and a full batch at once, nothing twice and in order", async () => {
    const { collector, exporter } = await start();
    for (let number = 0; number < 1500; number++) exporter.add(span({ name: String(number) }));
    await until(() => collector.spans().length === 1500);
    exporter.add(span({ name: "1500" }));
    await until(() => collector.spans().length === 1501);
    expect(collector.spans().map(({ name }) => name)).toEqual(
      Array.from({ length: 1501 }, (_, index) => String(index)),
    );
  });

  it("tries the same batch again where the collector is busy, and gives one up that it refuses", async () => {
    const { collector, exporter, metrics } = await start([503, 429, 200, 400]);
    exporter.add(span({ name: "kept" }));
    await until(() => collector.spans().length === 1);
    expect(collector.requests).toHaveLength(3);
    exporter.add(span({ name: "refused" }));
    await exporter.close();
    expect(collector.spans().map(({ name }) => name)).toEqual(["kept"]);
    expect(metrics.text()).toContain('parley_trace_spans_total{outcome="dropped"} 1');
  });

  it("holds so many and no more while the collector is silent, counts the rest, and does not wait for it at the end", async () => {
    const { collector, exporter, metrics, record } = await start([0, 0, 0, 0]);
    for (let number = 0; number < 6000; number++) exporter.add(span());
    await until(() => collector.requests.length === 1);
    // 512 are under way and 4096 wait, or the queue filled before the first batch left
    const dropped = Number(/outcome="dropped"} (\d+)/.exec(metrics.text())?.[1]);
    expect(dropped).toBeGreaterThanOrEqual(6000 - 4096 - 512);
    expect(dropped).toBeLessThanOrEqual(6000 - 4096);
    const begun = performance.now();
    await exporter.close();
    // sooner than one request to the collector may take
    expect(performance.now() - begun).toBeLessThan(8_000);
    expect(metrics.text()).toContain('parley_trace_spans_total{outcome="dropped"} 6000');
    expect(record.of("traces do not reach the collector and are dropped")).toHaveLength(1);
  });

  it("says once that nothing arrives, and once that it does again", async () => {
    const { collector, exporter, record } = await start([400, 400]);
    for (const name of ["first", "second", "third"]) {
      exporter.add(span({ name, attributes: { name } }));
      const asked = collector.requests.length + 1;
      await until(() => collector.requests.length === asked);
    }
    await exporter.close();
    expect(collector.spans().map(attributesOf)).toEqual([{ name: "third" }]);
    expect(record.lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      "traces do not reach the collector and are dropped",
      "traces reach the collector again",
    ]);
    const place = { collector: `${collector.url}/v1/traces` };
    expect(record.lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { level: 40, ...place, reason: "the collector answered 400" },
      { level: 30, ...place },
    ]);
  });

  it("drops what comes after its end, and can be closed again", async () => {
    const { collector, exporter, metrics } = await start();
    await exporter.close();
    exporter.add(span());
    await exporter.close();
    expect(collector.requests).toEqual([]);
    expect(metrics.text()).toContain('parley_trace_spans_total{outcome="dropped"} 1');
  });
});
