import { afterEach, expect, it } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { scriptBatches, scriptEngine } from "../support/script-engine.ts";
import { startServer, type Running } from "../e2e/start.ts";

const servers: Running[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function serve(engine: Engine): Promise<Running> {
  const server = await startServer({}, { engines: new Map([["only", engine]]) });
  servers.push(server);
  return server;
}

it("/metrics counts requests, and says nothing of what was asked", async () => {
  const server = await serve(scriptEngine({ batches: scriptBatches({ text: "the answer" }) }));
  const body = JSON.stringify({ model: "MiniMax-M3", messages: [{ role: "user", content: "a very secret question" }] });
  for (let round = 0; round < 3; round++) await server.call("/v1/chat/completions", { method: "POST", body });
  await server.call("/v1/chat/completions", { method: "POST", body, key: null });
  await server.call("/nowhere/at/all");
  const response = await server.call("/metrics", { key: null });
  const text = await response.text();
  expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
  expect(text).toContain('parley_http_requests_total{route="/v1/chat/completions",method="POST",status="200"} 3');
  expect(text).toContain('parley_http_requests_total{route="/v1/chat/completions",method="POST",status="401"} 1');
  expect(text).toContain('parley_http_requests_total{route="none",method="GET",status="404"} 1');
  expect(text).toMatch(/^process_resident_memory_bytes \d{7,}$/m);
  for (const secret of ["secret", "the answer", "sk-test"]) expect(text).not.toContain(secret);
  for (const line of text.trimEnd().split("\n"))
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{[^}]*\})? [\d.e+-]+)$/);
});

it("/readyz waits for the engines, /healthz does not", async () => {
  let opened = (): void => undefined;
  const opening = new Promise<void>((resolve) => (opened = resolve));
  const server = await serve(Object.assign(scriptEngine({ batches: [] }), { open: () => opening }));
  const ready = async (): Promise<[number, unknown]> => {
    const response = await server.call("/readyz", { key: null });
    return [response.status, await response.json()];
  };
  expect((await server.call("/healthz", { key: null })).status).toBe(200);
  expect(await ready()).toEqual([503, { status: "not ready", store: "ready", engines: { only: "loading" } }]);
  opened();
  expect(await ready()).toEqual([200, { status: "ready", store: "ready", engines: { only: "ready" } }]);
});

it("/readyz names an engine that cannot be opened", async () => {
  const failing = Object.assign(scriptEngine({ batches: [] }), {
    open: () => Promise.reject(new Error("no such file")),
  });
  const server = await serve(failing);
  const response = await server.call("/readyz", { key: null });
  expect([response.status, await response.json()]).toEqual([
    503,
    { status: "not ready", store: "ready", engines: { only: "failed" } },
  ]);
});

it("/metrics tells of answers, and their headers of how they were made", async () => {
  const usage = { input: 40, cached: 30, output: 10, reasoning: 0 };
  const server = await serve(scriptEngine({ batches: scriptBatches({ text: "the answer", usage }) }));
  for (const [path, more] of [
    ["/v1/chat/completions", {}],
    ["/v1/responses", {}],
    ["/v1/responses", { store: true }],
  ] as const) {
    for (const stream of [false, true]) {
      const body = JSON.stringify({
        model: "minimax-m3",
        stream,
        messages: [{ role: "user", content: "x" }],
        input: "x",
        ...more,
      });
      const response = await server.call(path, { method: "POST", body });
      await response.text();
      expect(response.headers.get("server-timing")).toMatch(/^parley;dur=\d+\.\d\d, engine;dur=\d+\.\d\d$/);
      expect(response.headers.get("x-parley-route")).toBe("engine=only");
    }
  }
  const text = await (await server.call("/metrics")).text();
  expect(text).toContain('parley_generations_total{model="MiniMax-M3",engine="only",outcome="stop"} 6');
  expect(text).toContain('parley_tokens_total{model="MiniMax-M3",direction="cached"} 180');
  expect(text).toContain('parley_time_to_first_token_seconds_count{model="MiniMax-M3"} 6');
  expect(text).toContain('parley_engine_running{engine="only"} 0');
});
