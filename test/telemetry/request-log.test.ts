import { afterEach, describe, expect, it } from "vitest";
import WebSocket from "ws";
import type { Engine } from "../../src/engine/engine.ts";
import { scriptBatches, scriptEngine, type ScriptOptions } from "../support/script-engine.ts";
import { ParleyError } from "../../src/model/error.ts";
import { startServer, testKey, type Running } from "../e2e/start.ts";
import { LogRecord, until } from "./record.ts";

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

const staticId: unknown = expect.stringMatching(/^static-[0-9a-f]{16}$/);
const usage = { input: 40, cached: 30, output: 10, reasoning: 2 };

async function serve(script: ScriptOptions, engine: Engine = scriptEngine(script)) {
  const record = new LogRecord();
  const server = await startServer({}, { log: record.log, engines: new Map([["only", engine]]) });
  stops.push(() => server.stop());
  return { server, record };
}

const ask = (server: Running, path: string, more: object = {}, init: object = {}): Promise<Response> =>
  server.call(path, {
    method: "POST",
    body: JSON.stringify({ model: "minimax-m3", messages: [{ role: "user", content: "x" }], input: "x", ...more }),
    ...init,
  });

describe("the request log", () => {
  it.each([
    ["/v1/chat/completions", {}],
    ["/v1/chat/completions", { stream: true }],
    ["/v1/responses", {}],
    ["/v1/responses", { stream: true, store: true }],
    ["/v1/responses/compact", {}],
  ])("has one line for %s with %j, with everything in it", async (path, more) => {
    const { server, record } = await serve({ batches: scriptBatches({ text: "the answer", usage }), delay: 3 });
    const response = await ask(server, path, more);
    await response.text();
    await until(() => record.of("request").length === 1);
    const [line] = record.of("request");
    expect(line).toEqual({
      level: 30,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      id: response.headers.get("trace-id"),
      method: "POST",
      route: path,
      status: 200,
      ms: expect.any(Number),
      keyId: staticId,
      model: "MiniMax-M3",
      engine: "only",
      outcome: "stop",
      inputTokens: 40,
      cachedTokens: 30,
      outputTokens: 10,
      firstTokenMs: expect.any(Number),
      msg: "request",
    });
    expect(Number(line?.["firstTokenMs"])).toBeGreaterThan(1);
    expect(Number(line?.["ms"])).toBeGreaterThanOrEqual(Number(line?.["firstTokenMs"]));
    expect(record.of("generation")).toEqual([]);
  });

  it("tells of requests without a generation, refused ones too", async () => {
    const { server, record } = await serve({ batches: [] });
    const answers = [
      await server.call("/healthz", { key: null }),
      await server.call("/v1/models"),
      await server.call("/v1/models", { key: "sk-wrong-000000" }),
      await server.call("/secret/chat/completions?a=b"),
      await ask(server, "/v1/chat/completions", { messages: 5 }),
      await ask(server, "/v1/chat/completions", { model: "none such" }),
    ];
    await until(() => record.of("request").length === answers.length);
    const lines = record
      .of("request")
      .map(({ method, route, path, status, keyId, error }) => [method, route ?? path, status, keyId, error]);
    expect(lines).toEqual([
      ["GET", "/healthz", 200, undefined, undefined],
      ["GET", "/v1/models", 200, staticId, undefined],
      ["GET", "/v1/models", 401, undefined, "key-rejected"],
      ["GET", "/.../chat/completions", 404, undefined, "not-found"],
      ["POST", "/v1/chat/completions", 400, staticId, "invalid"],
      ["POST", "/v1/chat/completions", 400, staticId, "invalid"],
    ]);
    const metrics = await (await server.call("/metrics")).text();
    expect(metrics.match(/^parley_errors_total.*$/gm)).toEqual([
      'parley_errors_total{route="/v1/models",kind="key-rejected"} 1',
      'parley_errors_total{route="none",kind="not-found"} 1',
      'parley_errors_total{route="/v1/chat/completions",kind="invalid"} 2',
    ]);
  });

  it("names the kind of an error, before the first batch and after it", async () => {
    const first = await serve({
      batches: () => {
        throw new ParleyError("upstream", "no");
      },
    });
    await (await ask(first.server, "/v1/chat/completions")).text();
    await until(() => first.record.of("request").length === 1);
    expect(first.record.of("request")).toMatchObject([{ status: 502, model: "MiniMax-M3", outcome: "upstream" }]);
    expect(first.record.of("engine failed")).toMatchObject([{ engine: "only", kind: "upstream" }]);
    const later = await serve({
      batches: scriptBatches({ text: "ha", finish: "error", error: new ParleyError("timeout", "slow") }),
    });
    await (await ask(later.server, "/v1/chat/completions", { stream: true })).text();
    await until(() => later.record.of("request").length === 1);
    expect(later.record.of("request")).toMatchObject([{ status: 200, engine: "only", outcome: "timeout" }]);
  });

  it("tells of a caller who leaves, once, with what was made until then", async () => {
    const { server, record } = await serve({ batches: scriptBatches({ text: "a long answer".repeat(50) }), delay: 10 });
    const leaving = new AbortController();
    const response = await ask(server, "/v1/chat/completions", { stream: true }, { signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
    await until(() => record.of("request").length === 1);
    expect(record.of("request")).toMatchObject([{ status: 200, aborted: true, outcome: "canceled", engine: "only" }]);
    const early = new AbortController();
    const second = ask(server, "/v1/chat/completions", {}, { signal: early.signal });
    setTimeout(() => early.abort(), 30);
    await expect(second).rejects.toThrow("abort");
    await until(() => record.of("request").length === 2);
    expect(record.of("request")[1]).toMatchObject({ status: 499, aborted: true, outcome: "canceled" });
    const metrics = await (await server.call("/metrics")).text();
    expect(metrics).toContain('parley_http_requests_total{route="/v1/chat/completions",method="POST",status="200"} 1');
    expect(metrics).toContain('parley_http_requests_total{route="/v1/chat/completions",method="POST",status="499"} 1');
    expect(metrics).not.toContain("parley_errors_total{");
    expect(record.of("generation")).toEqual([]);
  });

  it("gives a line of its own to a generation that outlives its request", async () => {
    const { server, record } = await serve({ batches: scriptBatches({ text: "the answer", usage }), delay: 30 });
    const response = await ask(server, "/v1/responses", { background: true });
    const id = response.headers.get("trace-id");
    await response.text();
    await until(() => record.of("generation").length === 1);
    expect(record.of("request")).toHaveLength(1);
    expect(record.of("request")[0]).not.toHaveProperty("outcome");
    expect(record.of("generation")).toMatchObject([
      { id, keyId: staticId, engine: "only", outcome: "stop", outputTokens: 10 },
    ]);
  });

  it("gives a line to every answer of a WebSocket", async () => {
    const { server, record } = await serve({ batches: scriptBatches({ text: "the answer", usage }) });
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/responses`, {
      headers: { authorization: `Bearer ${testKey}` },
    });
    await new Promise((resolve) => socket.once("open", resolve));
    for (let turn = 0; turn < 2; turn++) {
      socket.send(JSON.stringify({ type: "response.create", model: "MiniMax-M3", input: "x" }));
    }
    await until(() => record.of("generation").length === 2);
    expect(record.of("generation")).toMatchObject([
      { keyId: staticId, outcome: "stop" },
      { keyId: staticId, outcome: "stop" },
    ]);
    socket.terminate();
  });
});
