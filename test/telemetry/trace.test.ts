import { afterEach, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { scriptBatches, scriptEngine, type ScriptOptions } from "../support/script-engine.ts";
import { ParleyError } from "../../src/model/error.ts";
import { isSampled, parseTraceparent } from "../../src/telemetry/trace-context.ts";
import { startServer, type Running } from "../e2e/start.ts";
import { fakeServer, frame, usageFrame } from "../engine/upstream/fake.ts";
import { LogRecord, attributesOf, startCollector, until } from "./record.ts";

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

interface Wanted {
  script?: ScriptOptions;
  flags?: object;
  otlp?: object;
}

async function traced({ script = { batches: [] }, flags = {}, otlp = {} }: Wanted) {
  const collector = await startCollector();
  const record = new LogRecord();
  const engines = new Map<string, Engine>([["only", scriptEngine(script)]]);
  const settings = { telemetry: { otlp: { url: collector.url, ...otlp } }, ...flags };
  const server = await startServer(settings, { log: record.log, ...("engines" in flags ? {} : { engines }) });
  stops.push(collector.stop, () => server.stop());
  return { collector, server, record };
}

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";

const ask = async (server: Running, more: object = {}, headers: Record<string, string> = {}): Promise<Response> => {
  const body = JSON.stringify({ model: "minimax-m3", messages: [{ role: "user", content: "x" }], ...more });
  const response = await server.call("/v1/chat/completions", { method: "POST", body, headers });
  await response.text();
  return response;
};

describe("traces", () => {
  it("have a span for the request and one below it for the generation, in the caller's trace", async () => {
    const usage = { input: 40, cached: 30, output: 10, reasoning: 2 };
    const batches = scriptBatches({ text: "the answer", usage });
    const { collector, server, record } = await traced({ script: { batches, delay: 3 } });
    const response = await ask(
      server,
      { stream: true, max_completion_tokens: 99, temperature: 1, top_p: 0.5 },
      { traceparent: `00-${traceId}-${spanId}-01` },
    );
    await server.stop();
    expect(collector.resources()).toEqual([{ "service.name": "parley" }]);
    const [generation, request] = collector.spans();
    expect(request).toMatchObject({
      traceId,
      parentSpanId: spanId,
      name: "POST /v1/chat/completions",
      kind: 2,
      status: {},
    });
    expect(attributesOf(request ?? { attributes: [] })).toEqual({
      "http.request.method": "POST",
      "http.route": "/v1/chat/completions",
      "http.response.status_code": 200,
      "url.scheme": "http",
      "server.address": "127.0.0.1",
      "server.port": Number(new URL(server.url).port),
      "parley.request.id": response.headers.get("trace-id"),
      "parley.key.id": expect.stringMatching(/^static-[0-9a-f]{16}$/),
    });
    expect(generation).toMatchObject({
      traceId,
      parentSpanId: request?.spanId,
      name: "chat MiniMax-M3",
      kind: 1,
      status: {},
    });
    const attributes = attributesOf(generation ?? { attributes: [] });
    expect(attributes).toEqual({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "script",
      "gen_ai.request.model": "MiniMax-M3",
      "gen_ai.request.max_tokens": 99,
      "gen_ai.request.temperature": 1,
      "gen_ai.request.top_p": 0.5,
      "gen_ai.output.type": "text",
      "gen_ai.response.id": response.headers.get("trace-id"),
      "gen_ai.response.model": "MiniMax-M3",
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.response.time_to_first_chunk": expect.any(Number),
      "gen_ai.usage.input_tokens": 40,
      "gen_ai.usage.output_tokens": 10,
      "gen_ai.usage.cache_read.input_tokens": 30,
      "gen_ai.usage.reasoning.output_tokens": 2,
      "parley.engine": "only",
    });
    expect(generation?.attributes).toContainEqual({ key: "gen_ai.request.temperature", value: { doubleValue: 1 } });
    expect(BigInt(generation?.endTimeUnixNano ?? 0) - BigInt(generation?.startTimeUnixNano ?? 0)).toBeGreaterThan(
      3_000_000n,
    );
    expect(record.of("request")).toMatchObject([{ traceId, spanId: request?.spanId }]);
  });

  it("name the server of an upstream", async () => {
    const upstream = await fakeServer((_asked, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(`${frame({ content: "hi" })}${frame({}, "stop")}${usageFrame(5, 1)}data: [DONE]\n\n`);
    });
    stops.push(() => upstream.close());
    const engines = { there: { kind: "upstream", url: upstream.url, model: "own-name" } };
    const { collector, server } = await traced({ flags: { engines } });
    expect((await ask(server)).status).toBe(200);
    await server.stop();
    const generation = collector.spans().find(({ name }) => name.startsWith("chat"));
    expect(generation?.kind).toBe(3);
    expect(attributesOf(generation ?? { attributes: [] })).toMatchObject({
      "gen_ai.provider.name": "upstream",
      "gen_ai.usage.input_tokens": 5,
      "server.address": "127.0.0.1",
      "server.port": Number(new URL(upstream.url).port),
      "parley.engine": "there",
    });
  });

  it("mark what failed, and who left", async () => {
    const { collector, server } = await traced({
      script: {
        batches: ({ sampling }) => {
          if (sampling.maxTokens === 7) throw new ParleyError("upstream", "no");
          return scriptBatches({ text: "long".repeat(200) });
        },
        delay: 10,
      },
    });
    await ask(server, { max_completion_tokens: 7 });
    const leaving = new AbortController();
    const body = JSON.stringify({ model: "MiniMax-M3", messages: [{ role: "user", content: "x" }], stream: true });
    const left = await server.call("/v1/chat/completions", { method: "POST", body, signal: leaving.signal });
    await left.body?.getReader().read();
    leaving.abort();
    await until(() => server.app.catalog.engines().get("only")?.load().running === 0);
    await server.stop();
    const told = collector.spans().map((span) => [span.kind, attributesOf(span)["error.type"], span.status.code]);
    expect(told).toEqual([
      [1, "upstream", 2],
      [2, "502", 2],
      [1, "canceled", undefined],
      [2, "canceled", undefined],
    ]);
  });

  it("begin here without a caller's; broken ones are not continued, and one that is not recorded is not", async () => {
    const { collector, server } = await traced({});
    for (const traceparent of ["", "00-x", `00-${traceId}-${spanId}-00`, `00-${"0".repeat(32)}-${spanId}-01`]) {
      await server.call("/healthz", { headers: { traceparent } });
    }
    await server.stop();
    const spans = collector.spans();
    expect(spans).toHaveLength(3);
    expect(new Set(spans.map((span) => span.traceId)).size).toBe(3);
    for (const span of spans) {
      expect(span.traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(span).not.toHaveProperty("parentSpanId");
    }
  });

  it("are recorded in the share that is wanted, and always where the caller records", async () => {
    const { collector, server } = await traced({ otlp: { ratio: 0, service: "my-parley" } });
    await server.call("/healthz");
    await server.call("/healthz", { headers: { traceparent: `00-${traceId}-${spanId}-01` } });
    await server.stop();
    expect(collector.spans()).toMatchObject([{ traceId }]);
    expect(collector.resources()).toEqual([{ "service.name": "my-parley" }]);
  });

  it("do not hold up answers or the end of the server when there is no collector", async () => {
    const { server, record } = await traced({ otlp: { url: "http://127.0.0.1:9" } });
    expect((await server.call("/healthz")).status).toBe(200);
    const begun = performance.now();
    await server.stop();
    // sooner than one request to the collector may take
    expect(performance.now() - begun).toBeLessThan(8_000);
    expect(record.of("traces do not reach the collector and are dropped")).toHaveLength(1);
  });
});

describe("parseTraceparent", () => {
  it.each([
    [`00-${traceId}-${spanId}-01`, { traceId, spanId, sampled: true }],
    [`00-${traceId}-${spanId}-02`, { traceId, spanId, sampled: false }],
    [`cc-${traceId}-${spanId}-03-more`, { traceId, spanId, sampled: true }],
    [`00-${traceId}-${spanId}-01-more`, undefined],
    [`ff-${traceId}-${spanId}-01`, undefined],
    [`00-${traceId.toUpperCase()}-${spanId}-01`, undefined],
    [`00-${traceId}-${"0".repeat(16)}-01`, undefined],
    [`00-${traceId}-${spanId}`, undefined],
    [undefined, undefined],
  ])("reads %s", (header, context) => {
    expect(parseTraceparent(header)).toEqual(context);
  });
});

it("isSampled takes none, all, or what is below the ratio", () => {
  const low = `${"f".repeat(19)}${"0".repeat(13)}`;
  const high = "f".repeat(32);
  expect([isSampled(low, 0), isSampled(high, 1), isSampled(low, 0.5), isSampled(high, 0.5)]).toEqual([
    false,
    true,
    true,
    false,
  ]);
});
