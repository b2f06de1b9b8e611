/** Secrets and prompts through every path: none of them is in the log at level debug, nor in what is traced. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { scriptBatches, scriptEngine, type ScriptOptions } from "../support/script-engine.ts";
import { ParleyError } from "../../src/model/error.ts";
import { startServer, testKey, type Running } from "../e2e/start.ts";
import { fakeServer, frame, type Handler } from "../engine/upstream/fake.ts";
import { LogRecord, startCollector, until } from "./record.ts";

const prompt = "什么是 PROMPTWORDS 🌊 of mine";
const answer = "ANSWERWORDS 回答 of the model";
const wrongKey = "sk-WRONGKEYWORDS-0123456789";
const adminKey = "sk-ADMINKEYWORDS-0123456789";
const hidden = [
  "PROMPTWORDS",
  "什么是",
  "ANSWERWORDS",
  "回答",
  "WRONGKEYWORDS",
  "ADMINKEYWORDS",
  testKey,
  "HEADERWORDS",
];

let record: LogRecord;
let collector: Awaited<ReturnType<typeof startCollector>>;
const stops: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  record = new LogRecord();
  collector = await startCollector();
});
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
  await collector.stop();
});

/** Ends the server, so that everything that will ever be told is told. */
async function expectSilence(server: Running): Promise<void> {
  await server.stop();
  const told = record.text() + collector.text();
  expect(collector.spans().length).toBeGreaterThan(0);
  for (const word of hidden) expect(told).not.toContain(word);
  for (const word of [prompt, answer]) {
    for (const form of [Buffer.from(word).toString("base64"), encodeURIComponent(word), JSON.stringify(word)]) {
      expect(told).not.toContain(form);
    }
  }
}

const traces = () => ({ otlp: { url: collector.url, headers: { authorization: "Bearer HEADERWORDS" } } });

async function scripted(script: ScriptOptions, flags: object = {}): Promise<Running> {
  const settings = { telemetry: traces(), adminKeys: [adminKey], ...flags };
  const server = await startServer(settings, { log: record.log, engines: new Map([["only", scriptEngine(script)]]) });
  stops.push(() => server.stop());
  return server;
}

async function overUpstream(handler: Handler): Promise<Running> {
  const upstream = await fakeServer(handler);
  stops.push(() => upstream.close());
  const engines = { only: { kind: "upstream", url: upstream.url, key: "sk-HEADERWORDS", timeouts: { total: 5 } } };
  const server = await startServer({ telemetry: traces(), engines }, { log: record.log });
  stops.push(() => server.stop());
  return server;
}

const post = async (server: Running, path: string, body: unknown, headers = {}): Promise<[number, string]> => {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await server.call(path, { method: "POST", body: text, headers });
  return [response.status, await response.text()];
};

const chatBody = { model: "MiniMax-M3", messages: [{ role: "user", content: prompt }] };
const body = { model: "MiniMax-M3", input: prompt };

/** Every way to ask for an answer. */
async function askAll(server: Running): Promise<[number, string][]> {
  const answers: [number, string][] = [];
  for (const stream of [false, true]) {
    answers.push(await post(server, "/v1/chat/completions", { ...chatBody, stream }));
    answers.push(await post(server, "/v1/responses", { ...body, stream, instructions: prompt }));
    answers.push(await post(server, "/v1/responses", { ...body, stream, store: true }));
  }
  answers.push(await post(server, "/v1/responses", { ...body, background: true }));
  answers.push(await post(server, "/v1/responses/compact", body));
  answers.push(await post(server, "/v1/responses/input_tokens", body));
  // all but the count of tokens make an answer, also the one nobody waited for
  const ended = (): number =>
    [...record.of("request"), ...record.of("generation")].filter(({ outcome }) => outcome !== undefined).length;
  await until(() => ended() === answers.length - 1);
  return answers;
}

describe("neither the log nor the traces tell what was asked or answered, nor a secret,", () => {
  it("of answers that succeed", async () => {
    const tool = { name: answer, id: "call_1", args: JSON.stringify({ place: answer }) };
    const server = await scripted({ batches: scriptBatches({ reasoning: answer, text: answer, calls: [tool] }) });
    for (const [status] of await askAll(server)) expect(status).toBe(200);
    await expectSilence(server);
  });

  it("of requests that are refused with the text in the message", async () => {
    const server = await scripted({ batches: scriptBatches({ text: answer }) });
    const wrong: unknown[] = [
      prompt,
      `{"model": "MiniMax-M3", "messages": [${prompt}`,
      { ...chatBody, model: prompt },
      { ...chatBody, model: prompt.replaceAll(" ", "").repeat(9) },
      { ...chatBody, messages: [{ role: prompt, content: prompt }] },
      { ...chatBody, tool_choice: prompt, tools: [{ type: prompt }] },
      { ...chatBody, messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: prompt } }] }] },
      {
        ...chatBody,
        messages: [
          { role: "user", content: [{ type: "image_url", image_url: { url: "http://PROMPTWORDS.invalid/a.png" } }] },
        ],
      },
      { ...chatBody, [prompt]: prompt },
      { ...body, previous_response_id: prompt },
      { ...body, include: [prompt], text: { format: { type: prompt } } },
    ];
    for (const one of wrong) {
      for (const path of ["/v1/chat/completions", "/v1/responses"]) {
        expect((await post(server, path, one))[0]).toBeLessThan(600);
      }
    }
    expect((await post(server, "/v1/chat/completions", { ...chatBody, messages: [{ role: prompt }] }))[1]).toContain(
      "role",
    );
    await expectSilence(server);
  });

  it("of addresses, headers and keys", async () => {
    const server = await scripted({ batches: scriptBatches({ text: answer }) });
    const secret = encodeURIComponent(prompt);
    for (const path of [
      `/v1/${secret}`,
      `/v1/models?key=${secret}`,
      `/v1/responses/${secret}`,
      "/v1/files/PROMPTWORDS",
    ]) {
      await server.call(path, { headers: { "x-session-id": "PROMPTWORDS", traceparent: "PROMPTWORDS" } });
    }
    for (const path of ["/v1/models", "/admin/api/keys"]) {
      for (const key of [wrongKey, adminKey, testKey]) await server.call(path, { key });
      await server.call(path, { headers: { authorization: `Basic ${wrongKey}` } });
    }
    await post(server, "/v1/chat/completions", chatBody, {
      "content-type": "text/PROMPTWORDS",
      "x-parley-strict": "PROMPTWORDS",
    });
    const form = new FormData();
    form.append("purpose", prompt);
    form.append("file", new Blob([prompt]), `${prompt}.mp4`);
    await fetch(`${server.url}/v1/files/upload`, {
      method: "POST",
      body: form,
      headers: { authorization: `Bearer ${testKey}` },
    });
    await new Promise((resolve) => {
      const socket = connect(Number(new URL(server.url).port), "127.0.0.1", () =>
        socket.end("PROMPTWORDS / nothing\r\n\r\n"),
      );
      socket.on("close", resolve).resume();
    });
    await until(() => record.of("malformed HTTP").length === 1);
    await expectSilence(server);
  });

  it("of a WebSocket", async () => {
    const server = await scripted({ batches: scriptBatches({ text: answer }) });
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/responses`, {
      headers: { authorization: `Bearer ${testKey}` },
    });
    await new Promise((resolve) => socket.once("open", resolve));
    const told: string[] = [];
    socket.on("message", (data) => told.push((data as Buffer).toString()));
    for (const message of [
      prompt,
      JSON.stringify({ type: prompt }),
      JSON.stringify({ type: "response.create", ...body }),
    ]) {
      socket.send(message);
    }
    await until(() => told.some((text) => text.includes("response.completed")));
    socket.terminate();
    await expectSilence(server);
  });

  it("of upstreams whose errors quote the prompt", async () => {
    const server = await overUpstream(({ body: asked }, response) => {
      const message = `cannot answer ${JSON.stringify(asked)} with key sk-HEADERWORDS`;
      response.writeHead(asked["stream"] === true ? 500 : 400, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message, type: prompt, code: prompt } }));
    });
    const answers = await askAll(server);
    expect(answers.map(([status]) => status)).toContain(502);
    expect(record.of("engine failed").length).toBeGreaterThan(3);
    await expectSilence(server);
  });

  it("of upstreams that break off with the prompt in their words", async () => {
    const server = await overUpstream(async (_asked, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(frame({ role: "assistant", content: answer }));
      await pause(20);
      response.write(`data: ${JSON.stringify({ error: { message: prompt, code: prompt } })}\n\n`);
      response.end(`data: {"broken ${prompt}\n\n`);
    });
    for (const [, text] of (await askAll(server)).slice(0, 1)) expect(text).toContain("error");
    expect(record.of("request")).toContainEqual(expect.objectContaining({ engine: "only", outcome: "upstream" }));
    await expectSilence(server);
  });

  it.each([
    ["an unknown error", () => new TypeError(`cannot read ${prompt}`, { cause: new Error(prompt) })],
    ["one of ours", () => new ParleyError("upstream", prompt, { code: prompt, cause: new SyntaxError(prompt) })],
    ["one that names itself", () => Object.assign(new Error(prompt), { name: prompt, code: prompt, kind: prompt })],
  ])("of engines that throw %s", async (_name, made) => {
    const early = await scripted({
      batches: () => {
        throw made();
      },
    });
    for (const [status] of (await askAll(early)).slice(0, 3)) expect(status).toBeGreaterThanOrEqual(500);
    await expectSilence(early);
    const late = await scripted({
      batches: async function* () {
        yield* scriptBatches({ text: answer }).slice(0, 2);
        throw made();
      },
    });
    for (const stream of [false, true]) await post(late, "/v1/chat/completions", { ...chatBody, stream });
    await expectSilence(late);
  });

  it("of texts that moderation marks, refuses or cannot judge", async () => {
    const folder = await mkdtemp(join(tmpdir(), "parley-words-"));
    stops.push(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "words.txt"), "[1]\nANSWERWORDS\n[2]\n什么是\n");
    const guard = await fakeServer((_asked, response) => {
      response
        .writeHead(400, { "content-type": "application/json" })
        .end(JSON.stringify({ error: { message: prompt } }));
    });
    stops.push(() => guard.close());
    for (const moderation of [
      { words: { files: [join(folder, "words.txt")] } },
      { endpoint: { url: guard.url, key: "sk-HEADERWORDS", fails: "open" } },
      { endpoint: { url: guard.url, key: "sk-HEADERWORDS", fails: "closed" } },
    ]) {
      const server = await scripted({ batches: scriptBatches({ text: answer }) }, { moderation });
      for (const stream of [false, true]) {
        await post(server, "/v1/chat/completions", { ...chatBody, stream });
        await post(server, "/v1/responses", { ...body, stream });
      }
      await expectSilence(server);
    }
    expect(record.of("moderation did not answer").length).toBeGreaterThan(0);
  });
});
