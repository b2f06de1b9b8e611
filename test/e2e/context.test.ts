/** A prompt that is too long: callers and operators read how long, and what fits. */
import { afterEach, describe, expect, it } from "vitest";
import { simEngine } from "../../src/engine/sim/engine.ts";
import { upstreamEngine } from "../../src/engine/upstream/engine.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { fakeServer } from "../engine/upstream/fake.ts";
import { LogRecord } from "../telemetry/record.ts";
import { startServer } from "./start.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** The error message of a request of about 300 tokens on a path, and the reason in the log. */
async function refusal(engine: Engine, path: string): Promise<{ status: number; message: string; reason: unknown }> {
  const log = new LogRecord();
  const server = await startServer({}, { engines: new Map([["only", engine]]), log: log.log });
  ends.push(() => server.stop());
  const text = "a secret prompt ".repeat(75);
  const body = { model: "MiniMax-M3", max_tokens: 10, messages: [{ role: "user", content: text }], input: text };
  if (path === "/v1/responses") {
    Reflect.deleteProperty(body, "messages");
    Reflect.deleteProperty(body, "max_tokens");
  } else Reflect.deleteProperty(body, "input");
  const response = await server.call(path, { method: "POST", body: JSON.stringify(body) });
  const { error } = (await response.json()) as { error: { message: string } };
  await expect.poll(() => log.of("request").length).toBe(1);
  expect(log.text()).not.toContain("secret");
  return { status: response.status, message: error.message, reason: log.of("request")[0]?.["reason"] };
}

/** An upstream that refuses everything with this body. */
async function refusing(body: object): Promise<Engine> {
  const server = await fakeServer((_, response) => {
    response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  ends.push(() => server.close());
  return upstreamEngine({ url: server.url, replicas: { probeMs: 0 } });
}

const vendor = "invalid params, context window exceeds limit";

describe("a prompt that is longer than the window", () => {
  it.each(["/v1/chat/completions", "/v1/responses", "/v1/messages"])(
    "%s: has the sizes that the engine counted",
    async (path) => {
      const { status, message, reason } = await refusal(simEngine({ contextWindow: 100 }), path);
      expect(status).toBe(400);
      expect(reason).toMatch(/^the prompt has \d{3} tokens, the window has 100 tokens$/);
      expect(message.replace(/ \(2013\)$/, "")).toBe(`${vendor}: ${String(reason)}`);
    },
  );

  it.each([
    [
      "vLLM",
      "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4900 in the messages, 100 in the completion).",
      "the prompt has 4900 tokens, the window has 4096 tokens",
    ],
    [
      "OpenAI",
      "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
      "the prompt has 9000 tokens, the window has 8192 tokens",
    ],
    [
      "SGLang",
      "The input (5001 tokens) is longer than the model's context length (4096 tokens).",
      "the prompt has 5001 tokens, the window has 4096 tokens",
    ],
    [
      "llama-server",
      "request (3011 tokens) exceeds the available context size (2048 tokens), try increasing it",
      "the prompt has 3011 tokens, the window has 2048 tokens",
    ],
    [
      "Parley",
      `${vendor}: the prompt has 12 tokens, the window has 10 tokens (2013)`,
      "the prompt has 12 tokens, the window has 10 tokens",
    ],
    ["a server that names its window only", "maximum context length is 4096 tokens.", "the window has 4096 tokens"],
  ])("has the numbers of %s", async (_server, text, words) => {
    const engine = await refusing({ error: { message: text } });
    const { message, reason } = await refusal(engine, "/v1/chat/completions");
    expect({ message, reason }).toEqual({ message: `${vendor}: ${words} (2013)`, reason: words });
  });

  it("has an estimate where the server names no numbers", async () => {
    const engine = await refusing({ error: { message: "prompt is too long" } });
    const { message } = await refusal(engine, "/v1/chat/completions");
    expect(message).toMatch(/context window exceeds limit: the prompt has about 3\d\d tokens \(2013\)$/);
  });
});
