/** docs/operations.md against the server: every series and every field of a log line has its row. */
import { readFileSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { scriptBatches, scriptEngine } from "../support/script-engine.ts";
import { WorkerMetrics } from "../../src/supervisor/worker-metrics.ts";
import { startServer, type Running } from "../e2e/start.ts";
import { LogRecord, attributesOf, startCollector, until } from "./record.ts";

const page = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
const rows = new Set(
  [...page.matchAll(/^\| (.+?) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  ),
);

let server: Running | undefined;
let collector: Awaited<ReturnType<typeof startCollector>> | undefined;
afterEach(async () => {
  await server?.stop();
  await collector?.stop();
});

it("names every series, every field of the request log and every attribute of a span, and no series too many", async () => {
  const usage = { input: 4, cached: 3, output: 9, reasoning: 2 };
  const record = new LogRecord();
  collector = await startCollector();
  const engines = new Map([["only", scriptEngine({ batches: scriptBatches({ text: "a", usage }) })]]);
  server = await startServer({ telemetry: { otlp: { url: collector.url } } }, { log: record.log, engines });
  const body = {
    model: "MiniMax-M3",
    messages: [{ role: "user", content: "x" }],
    ...{ temperature: 0.5, top_p: 0.5, max_completion_tokens: 50 },
  };
  await (await server.call("/v1/chat/completions", { method: "POST", body: JSON.stringify(body) })).text();
  await until(() => record.of("request").length === 1);
  const series = [...(await (await server.call("/metrics")).text()).matchAll(/^# TYPE (\S+)/gm)].map(
    ([, name]) => name,
  );
  // and those of a supervisor with workers
  const merged = await new WorkerMetrics(() => []).text();
  series.push(...[...merged.matchAll(/^# TYPE (parley_\S+)/gm)].map(([, name]) => name));
  await server.stop();
  expect(series.length).toBeGreaterThan(10);
  expect(series.filter((name) => !rows.has(name ?? ""))).toEqual([]);
  expect([...rows].filter((name) => /^(parley|process)_/.test(name ?? "") && !series.includes(name))).toEqual([]);
  const fields = Object.keys(record.of("request")[0] ?? {});
  expect(fields.filter((name) => !rows.has(name))).toEqual([]);
  const attributes = collector.spans().flatMap((span) => Object.keys(attributesOf(span)));
  expect(attributes.filter((name) => !rows.has(name))).toEqual([]);
});
