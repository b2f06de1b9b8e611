/** Stored responses that another process on the same store makes. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Stream } from "openai/streaming";
import type { ResponseStreamEvent } from "openai/resources/responses/responses";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { postgresFolder, startPostgres } from "../store/postgres-server.ts";
import { startServer, testKey, type Running } from "./start.ts";

const model = "MiniMax-M3";
const program = join(import.meta.dirname, "../../bin/parley.js");
const words = (count: number): string => Array.from({ length: count }, (_, index) => `word${index}`).join(" ");
/** A model that takes minutes for a hundred words, and no time for a few. */
const slow = { kind: "sim", decodeTokensPerSecond: 20, tokensPerBatch: 2 };
const peer = { host: "127.0.0.1" };

const postgres = postgresFolder();
const databases = [
  { name: "SQLite", open: async () => ({ store: {}, stop: async () => undefined }) },
  ...(postgres === undefined
    ? []
    : [
        {
          name: "PostgreSQL",
          open: async () => {
            const server = await startPostgres(postgres);
            return { store: { url: await server.database() }, stop: () => server.stop() };
          },
        },
      ]),
];

describe.each(databases)("two processes on one $name", ({ open }) => {
  let data = "";
  let database: Awaited<ReturnType<(typeof databases)[number]["open"]>>;
  let owner: Running;
  let other: Running;

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), "parley-processes-"));
    database = await open();
    const settings = { engines: { sim: slow }, data, store: database.store, server: { peer } };
    owner = await startServer(settings);
    other = await startServer(settings);
  });
  afterAll(async () => {
    await Promise.all([owner.app.close(0), other.app.close(0)]);
    await database.stop();
    await rm(data, { recursive: true, force: true });
  });

  /** Begins at the owner and waits until some of the answer is there. */
  async function begun(count: number, more: object = {}): Promise<string> {
    const input = `Repeat exactly: ${words(count)}`;
    const body = { model, input, background: true, store: true, reasoning: { effort: "none" as const }, ...more };
    const { id } = await owner.openai.responses.create(body);
    await expect.poll(async () => (await owner.openai.responses.retrieve(id)).output_text).toMatch(/word1/);
    return id;
  }

  it("follow it from its middle to its end, with every number once", async () => {
    const id = await begun(8);
    const events = await collected(await other.openai.responses.retrieve(id, { stream: true, starting_after: 3 }));
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index + 4));
    expect(events.at(-1)).toMatchObject({ type: "response.completed", response: { output_text: words(8) } });
    const stored = await collected(await other.openai.responses.retrieve(id, { stream: true, starting_after: 3 }));
    expect(events).toEqual(stored);
    const whole = other.openai.responses.stream({ response_id: id, starting_after: 0 });
    expect((await whole.finalResponse()).output_text).toBe(words(8));
  });

  it("show what is there of it, cancel it and delete it", async () => {
    const id = await begun(100);
    const shown = await other.openai.responses.retrieve(id);
    expect([shown.status, shown.output_text]).toEqual(["in_progress", expect.stringMatching(/word1/)]);
    expect((await other.openai.responses.cancel(id)).status).toBe("cancelled");
    expect((await owner.openai.responses.retrieve(id)).status).toBe("cancelled");
    expect((await other.openai.responses.cancel(id)).status).toBe("cancelled");
    const deleted = await begun(100);
    const following = collected(await other.openai.responses.retrieve(deleted, { stream: true, starting_after: -1 }));
    await other.openai.responses.delete(deleted);
    expect((await following).at(-1)?.type).toBe("response.failed");
    for (const server of [owner, other]) expect((await server.call(`/v1/responses/${deleted}`)).status).toBe(404);
    expect((await other.call(`/v1/responses/${deleted}`, { method: "DELETE" })).status).toBe(404);
  });

  it("continue it when it is over, and refuse that before with the same error", async () => {
    const id = await begun(100);
    const body = JSON.stringify({ model, input: "Repeat exactly: more", previous_response_id: id });
    const refused = await Promise.all(
      [owner, other].map(async (server) => {
        const answer = await server.call("/v1/responses", { method: "POST", body });
        const { error } = (await answer.json()) as { error: unknown };
        return { status: answer.status, error };
      }),
    );
    expect(refused[1]).toEqual(refused[0]);
    expect(refused[1]).toMatchObject({ status: 400, error: { code: "previous_response_not_found" } });
    await other.openai.responses.cancel(id);
    const done = await owner.openai.responses.create({ model, input: "Repeat exactly: one", store: true });
    const next = { model, input: "Repeat exactly: two", store: true, previous_response_id: done.id };
    const answer = await socketAnswer(other.url, next);
    expect(answer).toMatchObject({ status: "completed", previous_response_id: done.id, output_text: "two" });
  });

  it("answer cancelling of what is not in the background as its own process does, and leave it alone", async () => {
    const body = { model, input: `Repeat exactly: ${words(6)}`, store: true, stream: true } as const;
    const stream = await owner.openai.responses.create(body);
    const events: ResponseStreamEvent[] = [];
    for await (const event of stream) {
      events.push(event);
      if (event.type !== "response.created") continue;
      const answer = await other.call(`/v1/responses/${event.response.id}/cancel`, { method: "POST" });
      expect([answer.status, await answer.json()]).toMatchObject([400, { error: { param: "background" } }]);
    }
    expect(events.at(-1)?.type).toBe("response.completed");
  });

  it("show it to no other key", async () => {
    const id = await begun(100);
    const { key } = await owner.app.admin.createKey({ name: "another" });
    const path = `/v1/responses/${id}`;
    expect((await other.call(path, { key })).status).toBe(404);
    expect((await other.call(`${path}?stream=true`, { key })).status).toBe(404);
    expect((await other.call(`${path}/cancel`, { key, method: "POST" })).status).toBe(404);
    expect((await other.call(path, { key, method: "DELETE" })).status).toBe(404);
    expect((await owner.openai.responses.retrieve(id)).status).toBe("in_progress");
    await other.openai.responses.cancel(id);
  });
});

describe("a process that is killed while another one follows its response", () => {
  it("leaves a response that ends as failed, for the follower too", async () => {
    const data = await mkdtemp(join(tmpdir(), "parley-processes-"));
    const settings = { engines: { sim: slow }, data, server: { peer } };
    const other = await startServer(settings);
    const { child, url } = await serve(data);
    try {
      const body = JSON.stringify({ model, input: `Repeat exactly: ${words(100)}`, background: true, store: true });
      const headers = { authorization: `Bearer ${testKey}`, "content-type": "application/json" };
      const { id } = (await (await fetch(`${url}/v1/responses`, { method: "POST", body, headers })).json()) as {
        id: string;
      };
      const stream = await other.openai.responses.retrieve(id, { stream: true });
      const events: ResponseStreamEvent[] = [];
      for await (const event of stream) {
        if (events.push(event) === 8) child.kill("SIGKILL");
      }
      expect(events.length).toBeGreaterThan(8);
      expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
      const failed = { status: "failed", error: { code: "server_error" } };
      expect(events.at(-1)).toMatchObject({ type: "response.failed", response: failed });
      expect(await other.openai.responses.cancel(id)).toMatchObject(failed);
    } finally {
      child.kill("SIGKILL");
      await other.app.close(0);
      await rm(data, { recursive: true, force: true });
    }
  });
});

async function collected(stream: Stream<ResponseStreamEvent>): Promise<ResponseStreamEvent[]> {
  const events: ResponseStreamEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

async function serve(data: string): Promise<{ child: ChildProcess; url: string }> {
  const environment = { ...process.env, PARLEY_API_KEYS: testKey, PARLEY_PEER_HOST: "127.0.0.1" };
  const flags = ["--config", join(data, "parley.json"), "--data", data, "--port", "0", "--log", "silent"];
  await writeFile(join(data, "parley.json"), JSON.stringify({ engines: { sim: slow } }));
  const child = spawn(process.execPath, [program, "serve", ...flags], {
    env: environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise<string>((resolve, reject) => {
    let output = "";
    child.stdout.on("data", (text: Buffer) => {
      output += text.toString();
      const found = /listens on (\S+)/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("exit", () => reject(new Error(`the server ended: ${output}`)));
  });
  return { child, url };
}

/** The response that a WebSocket gets for a request. */
async function socketAnswer(url: string, asked: object): Promise<unknown> {
  const headers = { authorization: `Bearer ${testKey}` };
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/responses`, { headers });
  const answered = new Promise((resolve) => {
    socket.on("message", (message: Buffer) => {
      const event = JSON.parse(message.toString()) as { type: string; response?: unknown };
      if (event.type === "response.completed" || event.type === "error") resolve(event.response ?? event);
    });
  });
  await once(socket, "open");
  socket.send(JSON.stringify({ type: "response.create", ...asked }));
  return answered.finally(() => socket.close());
}
