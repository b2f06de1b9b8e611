/** llama.cpp ends with a fault in the middle of the work of a whole server. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LogRecord } from "../telemetry/record.ts";
import { startServer, type Running } from "./start.ts";

const model = fileURLToPath(new URL("../../model/tiny-chat.gguf", import.meta.url));
const log = new LogRecord();
let server: Running;
beforeAll(async () => {
  const engines = {
    local: { kind: "llama", model, sequences: 3 },
    sim: { kind: "sim", decodeTokensPerSecond: 200, answers: [{ when: {}, answer: "a word ".repeat(60) }] },
  };
  const models = {
    "MiniMax-M2": { engine: "local" },
    "MiniMax-M2.7": { engine: ["local", "sim"] },
    "MiniMax-M3": { engine: "sim" },
  };
  server = await startServer({ engines, models }, { log: log.log });
});
afterAll(() => server.stop());

/** The engine's process, by the last line that says so. */
function pid(): number {
  return Number(log.of("embedded model loaded").at(-1)?.["pid"]);
}

/** Holds a model to a long answer. */
const long = {
  type: "json_schema",
  json_schema: { name: "long", strict: true, schema: { type: "string", minLength: 900, maxLength: 900 } },
};

function chat(name: string, body: object): Promise<Response> {
  const messages = [{ role: "user", content: "Tell me something." }];
  return server.call("/v1/chat/completions", {
    method: "POST",
    body: JSON.stringify({ model: name, messages, ...body }),
  });
}

async function state(): Promise<{ status: string; engines: Record<string, string> }> {
  return (await (await fetch(`${server.url}/readyz`)).json()) as Awaited<ReturnType<typeof state>>;
}

async function isUp(): Promise<string | undefined> {
  const page = await (await fetch(`${server.url}/metrics`)).text();
  return /parley_replica_up\{engine="local",replica="process"\} (\d)/.exec(page)?.[1];
}

async function read(response: Response, seen: (text: string) => boolean): Promise<{ rest: Promise<string> }> {
  const reader = (response.body ?? new ReadableStream<Uint8Array>()).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!seen(text)) text += (await reader.read()).value ?? "";
  const rest = async (): Promise<string> => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value;
    return text;
  };
  return { rest: rest() };
}

describe("SIGSEGV in the process of the engine, under load", () => {
  it("ends what it was answering, begins again elsewhere what nobody has seen, and nothing else", async () => {
    await expect
      .poll(state, { timeout: 20_000 })
      .toMatchObject({ status: "ready", engines: { local: "ready", sim: "ready" } });
    expect(await isUp()).toBe("1");
    const models = await (await server.call("/v1/models")).text();
    const before = pid();

    const stream = await read(await chat("MiniMax-M2", { stream: true, response_format: long }), (text) =>
      text.includes('"content":"'),
    );
    const whole = chat("MiniMax-M2", { response_format: long });
    const elsewhere = chat("MiniMax-M2.7", { response_format: long });
    const simulated = await read(await chat("MiniMax-M3", { stream: true }), (text) => text.includes("word"));
    await expect.poll(running).toBe(3);
    process.kill(before, "SIGSEGV");

    await expect.poll(state).toMatchObject({ status: "ready", engines: { local: "down", sim: "ready" } });
    expect(await isUp()).toBe("0");
    expect(await (await server.call("/v1/models")).text()).toBe(models);
    const streamed = await stream.rest;
    expect(streamed).toContain('"error"');
    expect(streamed).not.toContain('"finish_reason":"stop"');
    const failed = await whole;
    expect(failed.status).toBe(502);
    expect(await failed.json()).toMatchObject({ type: "error", error: { type: expect.any(String) } });
    const answered = await elsewhere;
    expect(answered.status).toBe(200);
    expect(answered.headers.get("x-parley-route")).toBe("engine=sim");
    expect(await simulated.rest).toContain('"finish_reason":"stop"');

    await expect.poll(isUp, { timeout: 20_000 }).toBe("1");
    expect(await state()).toMatchObject({ status: "ready", engines: { local: "ready" } });
    expect(pid()).not.toBe(before);
    const next = await chat("MiniMax-M2", { max_tokens: 8 });
    expect(next.status).toBe(200);
    expect(log.of("the process of the embedded engine ended; it is started again")).toMatchObject([
      { reason: expect.stringContaining("SIGSEGV") },
    ]);
  }, 60_000);
});

async function running(): Promise<number> {
  const page = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/parley_engine_running\{engine="local"\} (\d)/.exec(page)?.[1]);
}
