import { setTimeout as wait } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { scriptBatches, scriptEngine, type ScriptEngine, type ScriptOptions } from "../support/script-engine.ts";
import { ParleyError } from "../../src/model/error.ts";
import type { Batch } from "../../src/model/event.ts";
import { openStore } from "../../src/store/open.ts";
import { startServer, type Running } from "../e2e/start.ts";

const servers: Running[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function serve(
  options: ScriptOptions,
  flags: Record<string, unknown> = {},
): Promise<{ server: Running; engine: ScriptEngine }> {
  const engine = scriptEngine(options);
  const server = await startServer(flags, { engines: new Map([["script", engine]]) });
  servers.push(server);
  return { server, engine };
}

const bodies = {
  chat: JSON.stringify({ model: "MiniMax-M3", stream: true, messages: [{ role: "user", content: "hi" }] }),
  responses: JSON.stringify({ model: "MiniMax-M3", stream: true, input: "hi" }),
  stored: JSON.stringify({ model: "MiniMax-M3", stream: true, store: true, input: "hi" }),
  background: JSON.stringify({ model: "MiniMax-M3", stream: true, store: true, background: true, input: "hi" }),
};
const surfaces = [
  ["chat", "/v1/chat/completions", bodies.chat],
  ["responses", "/v1/responses", bodies.responses],
  ["stored responses", "/v1/responses", bodies.stored],
] as const;

const beginning: Batch = [
  { type: "begin" },
  { type: "text-start", index: 0 },
  { type: "text-delta", index: 0, text: "the beginning of an answer that goes on " },
];

/** Begins, then says nothing until it is aborted. */
async function* silentAfter(batches: readonly Batch[]): AsyncGenerator<Batch> {
  yield* batches;
  await new Promise(() => undefined);
}

describe.each(surfaces)("a stream of %s", (_name, path, body) => {
  it("has the headers of an event stream and a trace id", async () => {
    const { server } = await serve({ batches: scriptBatches({ text: "hello" }) });
    const response = await server.call(path, { method: "POST", body });
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(response.headers.get("trace-id")).toMatch(/^[0-9a-f]{32}$/);
    expect(await response.text()).toMatch(/data: \[DONE\]\n\n$/);
  });

  it("answers with the true status when the engine refuses before its first batch", async () => {
    const { server } = await serve({
      batches: () => {
        throw new ParleyError("rate-limit", "slow down", { retryAfter: 2 });
      },
    });
    const response = await server.call(path, { method: "POST", body });
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "2"]);
    expect(await response.json()).toMatchObject({ error: { type: "rate_limit_error" } });
  });

  it("tells of a failure after the first batch inside the stream, and ends", async () => {
    async function* breaking(): AsyncGenerator<Batch> {
      yield beginning;
      throw new ParleyError("upstream", "connection reset");
    }
    const { server } = await serve({ batches: () => breaking() });
    const response = await server.call(path, { method: "POST", body });
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toContain("the beginning");
    expect(text).toContain("connection reset (1033)");
  });

  it("reaches the engine when the client goes away, although nothing is sent any more", async () => {
    const { server, engine } = await serve({ batches: () => silentAfter([beginning]) });
    const aborter = new AbortController();
    const response = await server.call(path, { method: "POST", body, signal: aborter.signal });
    await response.body?.getReader().read();
    aborter.abort();
    await expect.poll(() => engine.aborted, { interval: 2, timeout: 10_000 }).toBe(1);
  });

  it("tells of a refusal that comes late inside the stream, and ends", async () => {
    async function* refusing(): AsyncGenerator<Batch> {
      yield await wait(150).then<Batch>(() => {
        throw new ParleyError("rate-limit", "slow down");
      });
    }
    const { server } = await serve({ batches: () => refusing() }, { server: { heartbeatSeconds: 0.05 } });
    const response = await server.call(path, { method: "POST", body });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("slow down (1002)");
  });

  it("keeps a silent connection alive with comments, and only a silent one", async () => {
    const late = scriptBatches({ text: "at last" });
    const { server } = await serve(
      { batches: late, delay: (index) => (index === 0 ? 250 : 0) },
      { server: { heartbeatSeconds: 0.05 } },
    );
    const text = await (await server.call(path, { method: "POST", body })).text();
    expect(text).toMatch(/^: keep-alive\n\n/);
    expect(text).toContain("at last");
    const quick = await serve({ batches: late }, { server: { heartbeatSeconds: 0.05 } });
    expect(await (await quick.server.call(path, { method: "POST", body })).text()).not.toContain(": keep-alive");
  });
});

it.each([
  ["chat", "/v1/chat/completions", bodies.chat] as const,
  ["responses", "/v1/responses", bodies.responses] as const,
])("waits for a slow reader of %s instead of piling up", async (_name, path, body) => {
  const piece = "x".repeat(200_000);
  let asked = 0;
  async function* flood(): AsyncGenerator<Batch> {
    yield beginning;
    for (asked = 0; asked < 400; asked++) yield [{ type: "text-delta", index: 0, text: piece }];
    yield [
      { type: "text-end", index: 0 },
      { type: "finish", reason: "stop" },
    ];
  }
  const { server } = await serve({ batches: () => flood() });
  const response = await server.call(path, { method: "POST", body });
  await wait(300);
  expect(asked).toBeLessThan(400);
  await response.body?.cancel();
});

it("lets a running stream finish when the server closes, and refuses new requests", async () => {
  const { server } = await serve({ batches: scriptBatches({ text: "a rather long answer" }, 4), delay: 60 });
  const response = await server.call("/v1/responses", { method: "POST", body: bodies.responses });
  const closing = server.app.close(5);
  // who waits at the port is still accepted
  const refused = (): Promise<boolean> =>
    fetch(`${server.url}/healthz`).then(
      () => false,
      () => true,
    );
  await expect.poll(refused, { interval: 5 }).toBe(true);
  expect(await response.text()).toContain("response.completed");
  await closing;
});

it.each([
  ["that is not stored", bodies.responses],
  ["that is stored", bodies.stored],
  ["in the background", bodies.background],
])("ends the running stream of an answer %s with its outcome when the grace period is over", async (_name, body) => {
  const { server } = await serve({ batches: () => silentAfter([beginning]) });
  const response = await server.call("/v1/responses", { method: "POST", body });
  const text = response.text();
  await server.app.close(0.1);
  expect(await text).toContain("event: response.failed");
});

it("answers with an error, not with the beginning of an answer, when the server stops", async () => {
  // does not stop at once
  async function* deaf(): AsyncGenerator<Batch> {
    yield beginning;
    for (let at = 0; at < 20; at++) {
      await wait(20);
      yield [{ type: "text-delta", index: 0, text: "and on " }];
    }
  }
  const engine = scriptEngine({ batches: [] });
  engine.generate = () => deaf();
  const server = await startServer({}, { engines: new Map([["deaf", engine]]) });
  servers.push(server);
  const request = { model: "MiniMax-M3", messages: [{ role: "user", content: "hi" }] };
  const answer = server.call("/v1/chat/completions", { method: "POST", body: JSON.stringify(request) });
  await wait(200);
  await server.app.close(0);
  expect((await answer).status).toBe(503);
});

it("does not tell that an answer is complete which could not be kept", async () => {
  const store = await openStore();
  store.responses.end = () => Promise.reject(new Error("the disk is full"));
  const engine = scriptEngine({ batches: scriptBatches({ text: "hello" }) });
  const server = await startServer({}, { engines: new Map([["script", engine]]), store });
  servers.push(server);
  const ask = (body: object): Promise<Response> =>
    server.call("/v1/responses", {
      method: "POST",
      body: JSON.stringify({ model: "MiniMax-M3", input: "hi", store: true, ...body }),
    });
  expect((await ask({})).status).toBe(500);
  const streamed = ask({ stream: true }).then((answer) => answer.text());
  await expect(streamed).rejects.toThrow(/terminated|fetch failed/);
});
