/** Which answers an upstream is asked for without a stream, and what one costs that its caller aborts. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import {
  doneFrame,
  fakeServer,
  frame,
  sse,
  usageFrame,
  type FakeServer,
  type Handler,
} from "../engine/upstream/fake.ts";
import { LogRecord } from "../telemetry/record.ts";
import { startServer, type Running } from "./start.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const generations = ({ asked }: FakeServer): Record<string, unknown>[] =>
  asked.filter(({ path }) => path === "/v1/chat/completions").map(({ body }) => body);

const answering: Handler = ({ body }, response) => {
  if (body["stream"] === true)
    sse(response).end(frame({ content: "ten words" }, "stop") + usageFrame(7, 10) + doneFrame);
  else {
    const message = { role: "assistant", content: "ten words" };
    const usage = { prompt_tokens: 7, completion_tokens: 10 };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ choices: [{ index: 0, message, finish_reason: "stop" }], usage }));
  }
};

interface Place {
  server: Running;
  back: FakeServer;
  log: LogRecord;
}

/** A server over an upstream of vLLM's kind, which counts every prompt as 40 tokens. */
async function start(settings: object = {}, generate: Handler = answering): Promise<Place> {
  const back = await fakeServer((asked, response, request) => {
    if (asked.path === "/v1/chat/completions") return generate(asked, response, request);
    response.end(JSON.stringify({ count: 40 }));
  });
  ends.push(() => back.close());
  const engines = {
    gpu: { kind: "upstream", url: back.url, dialect: "vllm", model: "m", replicas: { probeInterval: 0 } },
  };
  const log = new LogRecord();
  const server = await startServer({ engines, adminKeys: [adminKey], ...settings }, { log: log.log });
  ends.push(() => server.stop());
  return { server, back, log };
}

const post = (server: Running, path: string, body: object, signal?: AbortSignal): Promise<Response> =>
  server.call(path, { method: "POST", body: JSON.stringify(body), ...(signal && { signal }) });

const adminKey = "sk-admin-0123456789";
const messages = [{ role: "user", content: "hi" }];
const chat = { model: "MiniMax-M3", messages };
const response = { model: "MiniMax-M3", input: "hi" };

describe("without a stream is asked for", () => {
  it.each([
    ["chat", "/v1/chat/completions", chat, false],
    ["chat, streamed", "/v1/chat/completions", { ...chat, stream: true }, true],
    ["messages", "/anthropic/v1/messages", { ...chat, max_tokens: 100 }, false],
    ["messages, streamed", "/anthropic/v1/messages", { ...chat, max_tokens: 100, stream: true }, true],
    ["a response", "/v1/responses", response, false],
    ["a response that is not stored", "/v1/responses", { ...response, store: false }, false],
    ["a response, streamed", "/v1/responses", { ...response, stream: true }, true],
    ["a stored response, which others may follow", "/v1/responses", { ...response, store: true }, true],
    ["a background response", "/v1/responses", { ...response, background: true }, true],
  ])("%s: stream %s", async (_name, path, body, streamed) => {
    const { server, back } = await start();
    const answered = await post(server, path, body);
    expect(answered.status).toBe(200);
    await answered.text();
    await expect.poll(() => generations(back).map(({ stream }) => stream)).toEqual([streamed]);
  });

  it.each([
    ["block", true],
    ["flag", false],
  ])("an answer whose moderation has output: %s: stream %s", async (output, streamed) => {
    const folder = await mkdtemp(join(tmpdir(), "parley-whole-"));
    ends.push(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "words.txt");
    await writeFile(file, "[abuse]\nunheard\n");
    const { server, back } = await start({ moderation: { words: { files: [file] }, output } });
    expect((await post(server, "/v1/chat/completions", chat)).status).toBe(200);
    expect(generations(back)[0]?.["stream"]).toBe(streamed);
  });

  it("what has no first word of its own: it is not in metrics and log", async () => {
    const { server, log } = await start();
    await post(server, "/v1/chat/completions", chat);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/parley_generations_total\{[^}]*\} 1/);
    expect(metrics).not.toMatch(/parley_time_to_first_token_seconds_count\{[^}]*\} 1/);
    expect(metrics).not.toMatch(/parley_output_tokens_per_second_count\{[^}]*\} 1/);
    expect(log.of("request")[0]).toMatchObject({ outcome: "stop", outputTokens: 10 });
    expect(log.of("request")[0]?.["firstTokenMs"]).toBeUndefined();
  });
});

describe("an aborted whole answer", () => {
  it.each([
    ["partial", 40],
    ["free", 0],
  ])("with aborted: %s costs its prompt, as the upstream counts it", async (aborted, priced) => {
    const prices = { "MiniMax-M3": { input: 1, cached: 1, output: 1 } };
    const { server, back } = await start({ aborted, prices }, () => {});
    const caller = new AbortController();
    const asked = post(server, "/v1/chat/completions", chat, caller.signal).catch(() => undefined);
    await expect.poll(() => generations(back)).toHaveLength(1);
    caller.abort();
    await asked;
    await back.gone;
    const rows = async (): Promise<unknown[]> => {
      const page = await server.call("/admin/api/ledger", { key: adminKey });
      return ((await page.json()) as { data: unknown[] }).data;
    };
    await expect
      .poll(rows)
      .toMatchObject([{ outcome: "canceled", input: 40, cached: 0, output: 0, reasoning: 0, costMicros: priced }]);
  });

  it("that no upstream was sent costs nothing and has no row", async () => {
    const { server } = await start({}, (_, answer) => void answer.writeHead(500).end());
    expect((await post(server, "/v1/chat/completions", chat)).status).toBe(502);
    const page = await server.call("/admin/api/ledger", { key: adminKey });
    expect(((await page.json()) as { data: unknown[] }).data).toEqual([]);
  });
});
