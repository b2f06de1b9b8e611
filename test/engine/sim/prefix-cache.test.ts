import { describe, expect, it } from "vitest";
import { PrefixCache } from "../../../src/engine/sim/prefix-cache.ts";
import { measurePrompt as promptSteps, type Prompt } from "../../../src/engine/sim/prompt.ts";
import { finish } from "../../../src/lib/time-slices.ts";
import type { ImagePart } from "../../../src/model/item.ts";
import { message, requestOf, weatherTool } from "../../contract/engine.ts";

const measurePrompt = (...given: Parameters<typeof promptSteps>): Prompt => finish(promptSteps(...given));
const words = (count: number, from = 0): string => Array.from({ length: count }, (_, at) => `w${from + at}`).join(" ");
const prompt = (text: string, model = "test"): Prompt => measurePrompt(requestOf(text, { model }), 16);

describe("measurePrompt", () => {
  it("gives a hash per whole block, and the same prefix the same hashes", () => {
    const short = prompt(words(100));
    const long = prompt(words(200));
    expect(short.blocks.length).toBe(Math.floor(short.tokens / 16));
    // The last block of the shorter one holds the opening of the answer.
    expect(long.blocks.slice(0, short.blocks.length - 1)).toEqual(short.blocks.slice(0, -1));
    expect(new Set(long.blocks).size).toBe(long.blocks.length);
  });

  it("shares no prefix between models, roles or tools", () => {
    const [first] = prompt(words(50)).blocks;
    const system = measurePrompt(requestOf("", { items: [message("system", words(50))] }), 16);
    const tooled = measurePrompt(requestOf(words(50), { tools: [weatherTool] }), 16);
    for (const other of [prompt(words(50), "other"), system, tooled]) expect(other.blocks[0]).not.toBe(first);
  });

  it("counts every item and grows with each", () => {
    const items = [
      message("user", "q"),
      { type: "reasoning", text: "hm" } as const,
      { type: "call", id: "1", name: "f", args: "{}" } as const,
      { type: "result", id: "1", parts: [{ type: "text", text: "r" }], failed: false } as const,
    ];
    const sizes = items.map((_, at) => measurePrompt(requestOf("", { items: items.slice(0, at + 1) }), 16).tokens);
    expect(sizes).toEqual(sizes.toSorted((one, two) => one - two));
    expect(new Set(sizes).size).toBe(items.length);
  });

  it("counts pictures by their size and tells them apart", () => {
    const image = (fill: number, width: number): ImagePart => ({
      type: "image",
      media: { kind: "bytes", mime: "image/png", bytes: new Uint8Array(10).fill(fill) },
      detail: "low",
      size: { width, height: 672 },
    });
    const measured = (part: ImagePart): Prompt =>
      measurePrompt(requestOf("", { items: [{ type: "message", role: "user", parts: [part] }] }), 16);
    expect(measured(image(1, 672)).tokens - measured(image(1, 28)).tokens).toBe(24 * 23);
    expect(measured(image(1, 672)).blocks).toEqual(measured(image(1, 672)).blocks);
    expect(measured(image(2, 672)).blocks[0]).not.toBe(measured(image(1, 672)).blocks[0]);
  });

  it("measures two megabytes quickly", () => {
    const start = performance.now();
    expect(prompt("lorem ipsum ".repeat(170_000)).tokens).toBeGreaterThan(340_000);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

describe("PrefixCache", () => {
  it("holds the shared prefix of two prompts in whole blocks", () => {
    const cache = new PrefixCache(10_000, 16);
    const first = prompt(words(100));
    expect(cache.lookup(first)).toBe(0);
    cache.store(first);
    const cached = cache.lookup(prompt(`${words(60)} and now something else entirely`));
    expect(cached % 16).toBe(0);
    expect(cached).toBeGreaterThan(60);
    expect(cache.lookup(prompt(words(100, 500)))).toBe(0);
  });

  it("never reports the whole prompt", () => {
    const cache = new PrefixCache(10_000, 1);
    const first = measurePrompt(requestOf(words(20)), 1);
    cache.store(first);
    expect(cache.lookup(first)).toBe(first.tokens - 1);
  });

  it("forgets the least recently used prompt first, from its end", () => {
    const [one, two] = [prompt(words(100)), prompt(words(100, 1_000))];
    const cache = new PrefixCache(one.tokens + Math.floor(two.tokens / 2), 16);
    cache.store(one);
    cache.store(two);
    const left = cache.lookup(one);
    expect(cache.lookup(two)).toBe(two.blocks.length * 16);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(one.blocks.length * 16);
  });

  it("keeps the beginning of a prompt that is longer than itself, and nothing when it has no room", () => {
    const long = prompt(words(200));
    const small = new PrefixCache(64, 16);
    small.store(long);
    expect(small.lookup(long)).toBe(64);
    const none = new PrefixCache(0, 16);
    none.store(long);
    expect(none.lookup(long)).toBe(0);
  });
});
