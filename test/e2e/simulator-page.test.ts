/** docs/simulator.md says what is true: its examples run as they stand there. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp, type App } from "../../src/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import { silentLog } from "../../src/telemetry/log.ts";

const page = readFileSync(new URL("../../docs/simulator.md", import.meta.url), "utf8");
const blocks = [...page.matchAll(/```(\w+)\n([^]*?)```/g)].map(([, language = "", text = ""]) => ({ language, text }));
const named = (name: string): string =>
  blocks.find(({ text }) => text.startsWith(`# ${name}\n`))?.text ?? expect.fail(`no block ${name}`);

describe("the scripted answers", () => {
  let folder: string;
  let app: App;
  let client: OpenAI;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "parley-page-"));
    for (const name of ["parley.yaml", "answers.yaml"]) writeFileSync(join(folder, name), named(name));
    const flags = { config: join(folder, "parley.yaml"), port: 0, data: folder };
    app = await createApp(loadConfig({ environment: {}, flags }), { log: silentLog });
    const { url } = await app.listen();
    client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-test-0123456789", maxRetries: 0 });
  });
  afterAll(async () => {
    await app.close(0);
    rmSync(folder, { recursive: true });
  });

  const ask = (content: string, more: object = {}) =>
    client.chat.completions.create({ model: "MiniMax-M3", messages: [{ role: "user", content }], ...more });
  const quiet = { thinking: { type: "disabled" } };
  const tool = { type: "function" as const, function: { name: "get_weather", parameters: { type: "object" } } };

  it("make a tool round", async () => {
    const first = await ask("How is the weather?", { tools: [tool], reasoning_split: true });
    const [choice] = first.choices;
    expect(choice).toMatchObject({
      finish_reason: "tool_calls",
      message: { reasoning_content: "I need the weather." },
    });
    const [call] = choice?.message.tool_calls ?? [];
    expect(call).toMatchObject({ function: { name: "get_weather", arguments: '{"city":"Oslo"}' } });
    const messages = [
      { role: "user" as const, content: "How is the weather?" },
      choice?.message as OpenAI.ChatCompletionAssistantMessageParam,
      { role: "tool" as const, tool_call_id: call?.id ?? "", content: "sunny" },
    ];
    const last = await ask("", { messages, tools: [tool] });
    expect(last.choices[0]?.message.content).toContain("It is sunny in Oslo.");
    expect(last.usage).toMatchObject({ prompt_tokens: 120, completion_tokens: 8, total_tokens: 128 });
  });

  it("fail and recover in sequence", async () => {
    const limited = await ask("Try again").catch((error: unknown) => error);
    expect(limited).toMatchObject({ status: 429, message: expect.stringContaining("slow down") });
    expect((limited as { headers: Headers }).headers.get("retry-after")).toBe("2");
    await expect(ask("Try again")).rejects.toMatchObject({ status: 502 });
    expect((await ask("Try again", quiet)).choices[0]?.message.content).toBe("Now it works.");
  });

  it("come in their own time, by model and turn, and refuse the rest", async () => {
    const start = performance.now();
    expect((await ask("Slowly", quiet)).choices[0]?.message.content).toBe("One word after another.");
    expect(performance.now() - start).toBeGreaterThan(60);
    const other = await ask("Hi", { model: "MiniMax-M2.7" });
    expect(other.choices[0]?.message.content).toContain("Hello from M2.7.");
    await expect(ask("Hi")).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining('no scripted answer matches: model MiniMax-M3, turn 1, text "Hi"'),
    });
  });

  it("stand beside faults", async () => {
    await expect(ask("overload")).rejects.toMatchObject({ status: 529 });
    await expect(ask("overload")).rejects.toMatchObject({ status: 404 });
  });
});

it("the settings of a recording are settings", () => {
  const block = blocks.find(({ text }) => text.includes("kind: replay"))?.text ?? "";
  const folder = mkdtempSync(join(tmpdir(), "parley-page-"));
  try {
    const path = join(folder, "parley.yaml");
    writeFileSync(path, block);
    const config = loadConfig({ environment: { MINIMAX_API_KEY: "a-key" }, flags: { config: path } });
    expect(config.engines["m2"]).toMatchObject({ kind: "replay", folder: join(folder, "cassettes"), mode: "auto" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("the example for vitest is a test that runs", () => {
  const source = readFileSync(new URL("simulator-example.test.ts", import.meta.url), "utf8");
  const block = blocks.find(({ language }) => language === "ts")?.text ?? "";
  expect(source.replace("../../src/testing.ts", "@parley-ai/parley/testing")).toBe(block);
});
