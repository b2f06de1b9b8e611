import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Engine } from "../../../src/engine/engine.ts";
import { type ReplayOptions, replayEngine } from "../../../src/engine/replay/engine.ts";
import type { Clock } from "../../../src/engine/sim/clock.ts";
import { simEngine } from "../../../src/engine/sim/engine.ts";
import type { Item, Part } from "../../../src/model/item.ts";
import type { GenerationRequest } from "../../../src/model/request.ts";
import { ask, collect, message, requestOf, weatherTool } from "../../contract/engine.ts";
import { scriptBatches, scriptEngine } from "../../support/script-engine.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-replay-"));
});
afterEach(() => rm(folder, { recursive: true }));

const over = (engine: Engine, changes: Partial<ReplayOptions> = {}): Engine =>
  replayEngine({ engine, folder, mode: "auto", speed: "instant", ...changes });
const usage = { input: 3, cached: 1, output: 5, reasoning: 2 };
const calls = [{ id: "call_x_1", name: "get_weather", args: '{"city":"Oslo"}' }];

/** Answers with one more digit each time. */
function counting(): Engine & { readonly requests: readonly GenerationRequest[] } {
  let count = 0;
  return scriptEngine({
    batches: () => scriptBatches({ reasoning: "hm", text: `answer ${++count}`, calls, usage }, 3),
  });
}

async function only(): Promise<{ name: string; text: string }> {
  const [name = "", ...others] = await readdir(folder);
  expect(others).toEqual([]);
  return { name, text: await readFile(join(folder, name), "utf8") };
}

describe("auto", () => {
  it("asks once, and plays the same events from then on", async () => {
    const inner = counting();
    const engine = over(inner);
    const request = requestOf("Hi", { reasoning: "on", tools: [weatherTool] });
    const [first, second] = [await ask(engine, request), await ask(engine, { ...request, id: "0".repeat(32) })];
    expect(inner.requests).toHaveLength(1);
    expect(second.text()).toBe("answer 1");
    expect([second.items, second.usage, second.finish]).toEqual([first.items, first.usage, first.finish]);
    await ask(engine, requestOf("Hi again"));
    expect(inner.requests).toHaveLength(2);
  });
});

describe("record", () => {
  it("always asks, and keeps the latest answer", async () => {
    const engine = over(counting(), { mode: "record" });
    await ask(engine, requestOf("Hi"));
    expect((await ask(engine, requestOf("Hi"))).text()).toBe("answer 2");
    expect((await ask(over(counting(), { mode: "replay" }), requestOf("Hi"))).text()).toBe("answer 2");
  });

  it("writes a readable file that is named by the digest", async () => {
    await ask(over(counting()), requestOf("Hi"));
    const { name, text } = await only();
    const content = JSON.parse(text) as { digest: string; request: object; batches: { events: object[] }[] };
    expect(name).toBe(`${content.digest.slice(0, 16)}.json`);
    expect(content.request).toMatchObject({ model: "test", items: [{ role: "user", parts: [{ text: "Hi" }] }] });
    expect(content.batches[0]?.events[0]).toEqual({ type: "begin" });
    expect(text.split("\n").length).toBeGreaterThan(20);
  });

  it("keeps no answer that fails, breaks off or is aborted", async () => {
    const failing = simEngine({ faults: [{ kind: "error-before" }] });
    await expect(ask(over(failing), requestOf("Hi"))).rejects.toMatchObject({ kind: "upstream" });
    await ask(over(simEngine({ faults: [{ kind: "error-after", afterTokens: 1 }] })), requestOf("Hi"));
    const abort = new AbortController();
    const stalled = over(simEngine({ faults: [{ kind: "stall", afterTokens: 1 }] }));
    const reading = collect(stalled.generate(requestOf("Hi"), abort.signal));
    setTimeout(() => abort.abort(), 20);
    await reading;
    expect(await readdir(folder)).toEqual([]);
  });

  it("writes no key, no id, no bytes and no address of the replica", async () => {
    const secret = "sk-abcdefghijklmnop1234";
    const picture: Part = {
      type: "image",
      detail: "low",
      media: { kind: "bytes", mime: "image/png", bytes: Buffer.from("pixels".repeat(50)) },
    };
    const linked: Part = {
      type: "image",
      detail: "low",
      media: { kind: "url", url: "https://user:pass@files.test/a.png?X-Signature=cafe" },
    };
    const items: Item[] = [
      { type: "message", role: "user", parts: [{ type: "text", text: `My key is ${secret}` }, picture, linked] },
      { type: "reasoning", text: "hm", encrypted: "opaque-blob" },
      { type: "call", id: "call_function_abc_1", name: "get", args: `{"authorization":"Bearer abcdefghijklmnop"}` },
    ];
    const begin = {
      type: "begin",
      servedBy: { replica: "http://10.0.0.7/v1", reason: "affinity", attempt: 1 },
    } as const;
    const inner = scriptEngine({ batches: [[begin, { type: "finish", reason: "stop" }]] });
    const request = requestOf("", { items, cacheKey: "tenant-7" });
    await ask(over(inner), request);
    const { text } = await only();
    const absent = [secret, "abcdefghijklmnop", "opaque-blob", "call_function_abc", "tenant-7", "10.0.0.7"];
    for (const word of [...absent, "user:pass", "cafe", request.id, Buffer.from("pixels").toString("base64")]) {
      expect(text).not.toContain(word);
    }
    expect(text).toContain("https://files.test/a.png");
    expect(text).toContain('"bytes": 300');
  });
});

describe("the digest", () => {
  const items = (id: string): Item[] => [
    message("user", "Hi"),
    { type: "call", id, name: "f", args: "{}" },
    { type: "result", id, parts: [{ type: "text", text: "1" }], failed: false },
  ];
  const base = requestOf("", { items: items("a") });

  it.each<[string, Partial<GenerationRequest>, boolean]>([
    ["id and time", { id: "f".repeat(32), createdAt: 1 }, true],
    ["hints", { cacheKey: "x", tier: "priority" }, true],
    ["ids of calls", { items: items("b") }, true],
    ["the model", { model: "other" }, false],
    ["a text", { items: [message("user", "Ho")] }, false],
    ["the tools", { tools: [weatherTool] }, false],
    ["thinking", { reasoning: "on" }, false],
    ["sampling", { sampling: { stop: [], temperature: 0.5 } }, false],
  ])("%s: same is %s", async (_, changes, same) => {
    const inner = counting();
    const engine = over(inner);
    await ask(engine, base);
    await ask(engine, { ...base, ...changes });
    expect(inner.requests).toHaveLength(same ? 1 : 2);
  });
});

describe("replay", () => {
  it("never asks the engine, and says what the nearest recorded request has otherwise", async () => {
    const inner = counting();
    await ask(over(inner), requestOf("What is the weather in Oslo?"));
    await ask(over(inner), requestOf("Hello", { tools: [weatherTool] }));
    const engine = over(inner, { mode: "replay" });
    const miss = ask(engine, requestOf("What is the weather in Rome?"));
    await expect(miss).rejects.toMatchObject({ kind: "not-found" });
    await expect(miss).rejects.toThrow(
      /^no recorded answer for the request [0-9a-f]{16} in .*; nearest is [0-9a-f]{16}\.json, 1 value differs: items\[0\]\.parts\[0\]\.text was "What is the weather in Oslo\?", is "What is the weather in Rome\?"$/,
    );
    expect(inner.requests).toHaveLength(2);
  });

  it("says so where nothing is recorded, or the folder is not there", async () => {
    await expect(ask(over(counting(), { mode: "replay" }), requestOf("Hi"))).rejects.toThrow(/holds 0 others$/);
    const gone = over(counting(), { mode: "replay", folder: join(folder, "none") });
    await expect(ask(gone, requestOf("Hi"))).rejects.toMatchObject({ kind: "not-found" });
  });

  it("names a recorded answer that cannot be read", async () => {
    await ask(over(counting()), requestOf("Hi"));
    const { name } = await only();
    await writeFile(join(folder, name), '{"version":1}');
    await expect(ask(over(counting()), requestOf("Hi"))).rejects.toThrow(`${name} cannot be read`);
  });

  it("counts without the engine, opens nothing, and refuses what is aborted", async () => {
    const inner = scriptEngine({ batches: [], tokens: 99 });
    const opened: string[] = [];
    const engine = over({ ...inner, open: () => Promise.resolve(void opened.push("open")) }, { mode: "replay" });
    await engine.open?.();
    expect(opened).toEqual([]);
    const counted = await engine.count(requestOf("Hi there"), new AbortController().signal);
    expect(counted.exact).toBe(false);
    expect(counted.tokens).not.toBe(99);
    await expect(ask(engine, requestOf("Hi"), AbortSignal.abort())).rejects.toMatchObject({ kind: "canceled" });
  });
});

describe("timing", () => {
  function clock(): Clock & { slept: number[] } {
    let time = 0;
    const slept: number[] = [];
    return {
      slept,
      now: () => time,
      sleep: (ms) => {
        if (ms > 0) slept.push(ms);
        time += ms;
        return Promise.resolve();
      },
    };
  }

  it.each<[ReplayOptions["speed"], number[]]>([
    ["instant", []],
    [1, [40, 40, 40]],
    [2, [20, 20, 20]],
  ])("is kept at speed %s as asked", async (speed, expected) => {
    const shared = clock();
    const batches = scriptBatches({ text: "one two three" }, 6);
    const inner = scriptEngine({ batches, delay: 40, clock: shared });
    await ask(over(inner, { clock: shared }), requestOf("Hi"));
    const own = clock();
    await ask(over(inner, { mode: "replay", speed, clock: own }), requestOf("Hi"));
    expect(own.slept.slice(0, 3)).toEqual(expected);
  });
});
