/** Upstreams that die in the middle of an answer: who has seen nothing of it gets a whole one from another replica. */
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { upstreamEngine } from "../../src/engine/upstream/engine.ts";
import { LogRecord } from "../telemetry/record.ts";
import { doneFrame, fakeServer, frame, sse, usageFrame, type Asked, type FakeServer } from "../engine/upstream/fake.ts";
import { startServer, type Running } from "./start.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** What an upstream writes before its connection breaks. */
type Beginning = (response: ServerResponse) => Promise<void> | void;

const half: Beginning = async (response) => {
  response.write(frame({ role: "assistant", content: "" }) + frame({ content: "The lost " }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  response.write(frame({ content: "half" }));
  await new Promise((resolve) => setTimeout(resolve, 20));
};

interface Place {
  server: Running;
  backs: FakeServer[];
  log: LogRecord;
  /** Bodies that reached an upstream as generations, in order, with the number of the upstream. */
  asked: { back: number; body: Asked["body"] }[];
}

interface Options {
  backs?: number;
  broken?: number;
  beginning?: Beginning;
  /** Milliseconds before a whole answer. */
  slowMs?: number;
  /** Deadline of an answer. */
  totalMs?: number;
}

/** A server over several upstreams; the first `broken` generations, whichever upstream gets them, break off. */
async function start(options: Options = {}): Promise<Place> {
  const { backs: count = 2, broken = 1, beginning = half, slowMs = 0, totalMs = 60_000 } = options;
  const asked: Place["asked"] = [];
  const back = (number: number): Promise<FakeServer> =>
    fakeServer(async ({ path, body }, response) => {
      if (path !== "/v1/chat/completions") return void response.writeHead(404).end();
      asked.push({ back: number, body });
      sse(response);
      if (asked.length <= broken) {
        await beginning(response);
        return void response.destroy();
      }
      await new Promise((resolve) => setTimeout(resolve, slowMs));
      response.end(frame({ content: "A whole answer." }) + frame({}, "stop") + usageFrame(7, 3) + doneFrame);
    });
  const backs = await Promise.all(Array.from({ length: count }, (_, number) => back(number)));
  ends.push(...backs.map((one) => () => one.close()));
  const replicas = { probeMs: 0, tuning: { backoffMs: 1 } };
  const timeouts = { total: totalMs };
  const engine = upstreamEngine({ url: backs.map(({ url }) => url), replicas, timeouts });
  const log = new LogRecord();
  const server = await startServer({}, { engines: new Map([["gpu", engine]]), log: log.log });
  ends.push(() => server.stop());
  return { server, backs, log, asked };
}

const chat = { model: "MiniMax-M3", messages: [{ role: "user", content: "hi" }] };
const post = (server: Running, path: string, body: object): Promise<Response> =>
  server.call(path, { method: "POST", body: JSON.stringify(body) });

async function metric(server: Running, pattern: RegExp): Promise<string | undefined> {
  return pattern.exec(await (await fetch(`${server.url}/metrics`)).text())?.[1];
}

describe("a whole answer whose upstream dies in the middle", () => {
  it("chat: comes from another replica, charged once, and headers and metrics say so", async () => {
    const { server, asked, log } = await start();
    const response = await post(server, "/v1/chat/completions", chat);
    const body = (await response.json()) as { choices: { message: { content: string } }[]; usage: object };
    expect(response.status).toBe(200);
    expect(body.choices[0]?.message.content).toBe("A whole answer.");
    expect(body.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 3 });
    expect(new Set(asked.map(({ back }) => back))).toEqual(new Set([0, 1]));
    const route = response.headers.get("x-parley-route") ?? "";
    expect(route).toMatch(/^engine=gpu; replica=127\.0\.0\.1:\d+; reason=retry; attempt=2$/);
    expect(await metric(server, /parley_lost_tries_total\{[^}]*kind="upstream"[^}]*\} (\d+)/)).toBe("1");
    expect(
      Number(await metric(server, /parley_lost_tokens_total\{[^}]*direction="output"[^}]*\} (\d+)/)),
    ).toBeGreaterThan(0);
    expect(await metric(server, /parley_tokens_total\{[^}]*direction="output"[^}]*\} (\d+)/)).toBe("3");
    expect(log.of("generation failed half-way")).toMatchObject([{ engine: "gpu", kind: "upstream" }]);
    expect(log.of("request")[0]).toMatchObject({ outcome: "stop", outputTokens: 3 });
  });

  const responses = { model: "MiniMax-M3", input: "hi" };
  it.each([
    ["not stored", { ...responses, store: false }],
    ["stored", { ...responses, store: true }],
  ])("responses, %s: comes from another replica", async (_name, asked) => {
    const { server } = await start();
    const response = await post(server, "/v1/responses", asked);
    const body = (await response.json()) as { id: string; status: string; output_text: string; usage: object };
    expect(body).toMatchObject({ status: "completed", output_text: "A whole answer." });
    expect(body.usage).toMatchObject({ input_tokens: 7, output_tokens: 3 });
    expect(response.headers.get("x-parley-route")).toMatch(/reason=retry; attempt=2$/);
    if (!asked.store) return;
    const replay = await (await server.call(`/v1/responses/${body.id}?stream=true`)).text();
    const events = replay
      .split("\n")
      .filter((line) => line.startsWith("data: {"))
      .map((line) => JSON.parse(line.slice(6)) as { type: string; sequence_number: number });
    expect(events.map(({ sequence_number: number }) => number)).toEqual(events.map((_, index) => index));
    expect(events.filter(({ type }) => type === "response.created")).toHaveLength(1);
    expect(replay).not.toContain("lost");
  });

  it("in the background without followers: comes from another replica", async () => {
    const { server } = await start();
    const made = await post(server, "/v1/responses", { ...responses, background: true });
    const { id } = (await made.json()) as { id: string };
    const read = async (): Promise<{ status: string; output_text: string }> =>
      (await (await server.call(`/v1/responses/${id}`)).json()) as never;
    // not asked while it runs: who sees a part of it has seen something
    await new Promise((resolve) => setTimeout(resolve, 300));
    await expect.poll(async () => (await read()).status).toBe("completed");
    expect((await read()).output_text).toBe("A whole answer.");
    const replay = await (await server.call(`/v1/responses/${id}?stream=true`)).text();
    expect(replay.match(/^event: response\.(?:queued|created)$/gm)).toEqual([
      "event: response.created",
      "event: response.queued",
    ]);
    expect(replay).not.toContain("lost");
    expect([...replay.matchAll(/"sequence_number":(\d+)/g)].map(([, number]) => Number(number))).toEqual(
      Array.from({ length: replay.match(/^event: /gm)?.length ?? 0 }, (_, index) => index),
    );
  });

  it("is an error where every try breaks off; the tries are bounded", async () => {
    const { server, asked } = await start({ broken: 100 });
    const response = await post(server, "/v1/chat/completions", chat);
    expect(response.status).toBe(502);
    expect(asked).toHaveLength(2);
    expect(await metric(server, /parley_lost_tries_total\{[^}]*\} (\d+)/)).toBe("1");
  });

  it("has one deadline for all tries", async () => {
    const beginning: Beginning = async (response) => {
      response.write(frame({ content: "The lost half" }));
      await new Promise((resolve) => setTimeout(resolve, 300));
    };
    const { server, asked } = await start({ beginning, slowMs: 400, totalMs: 500 });
    const response = await post(server, "/v1/chat/completions", chat);
    expect(response.status).toBe(502);
    expect(asked).toHaveLength(2);
  });

  it("the only server is asked once more", async () => {
    const { server, asked } = await start({ backs: 1 });
    const response = await post(server, "/v1/chat/completions", chat);
    expect(await response.text()).toContain("A whole answer.");
    expect(asked).toHaveLength(2);
  });
});

describe("a stream whose upstream dies", () => {
  const events = (response: Response): Promise<string> => response.text();

  it("after nothing but its beginning: comes from another replica", async () => {
    const beginning: Beginning = async (response) => {
      response.write(frame({ role: "assistant", content: "" }));
      await new Promise((resolve) => setTimeout(resolve, 30));
    };
    const { server } = await start({ beginning });
    const response = await post(server, "/v1/chat/completions", { ...chat, stream: true });
    expect(response.headers.get("x-parley-route")).toMatch(/attempt=2$/);
    expect(await events(response)).toContain("A whole answer.");
  });

  it.each([
    ["text", half],
    [
      "reasoning",
      async (response: ServerResponse): Promise<void> => {
        response.write(frame({ reasoning_content: "The lost thought" }));
        await new Promise((resolve) => setTimeout(resolve, 60));
      },
    ],
  ])("after %s: ends with the error, and no second answer follows", async (_name, beginning) => {
    const { server, asked } = await start({ beginning });
    const text = await events(await post(server, "/v1/chat/completions", { ...chat, stream: true }));
    expect(text).toContain("The lost");
    expect(text).not.toContain("A whole answer.");
    expect(asked).toHaveLength(1);
  });

  it("followed in the background: ends as failed, for its follower has seen a part", async () => {
    const { server, asked } = await start();
    const response = await post(server, "/v1/responses", {
      model: "MiniMax-M3",
      input: "hi",
      background: true,
      stream: true,
    });
    const text = await response.text();
    expect(text).toContain("event: response.failed");
    expect(asked).toHaveLength(1);
  });
});
