import { describe, expect, it } from "vitest";
import { textPart } from "../../src/model/item.ts";
import type { GenerationRequest } from "../../src/model/request.ts";
import { estimateInput, estimateText, estimateTokens } from "../../src/model/token-estimate.ts";
import { generationRequest } from "../support/request.ts";

const request = generationRequest({ items: [] });

describe("the estimate of tokens", () => {
  const user = (text: string) => ({ type: "message", role: "user", parts: [textPart(text)] }) as const;

  it("takes a quarter of ASCII, 0.7 of all else, and the output that may come", () => {
    expect(estimateInput({ ...request, items: [user("a".repeat(400))] })).toBe(3 + 4 + 100);
    const items = [user("字".repeat(300))];
    expect(estimateTokens({ ...request, items })).toBe(3 + 4 + 210 + 1_024);
    expect(estimateTokens({ ...request, items, sampling: { stop: [], maxTokens: 7 } })).toBe(3 + 4 + 210 + 7);
    expect(estimateTokens({ ...request, sampling: { stop: [], maxTokens: 500_000 } })).toBe(3 + 4_096);
  });

  it("counts tools, calls, results, reasoning and media", () => {
    const tools = [{ name: "abc", description: "words", parameters: {} }];
    const image = { type: "image", media: { kind: "url", url: "https://a.b/c.png" }, detail: "default" } as const;
    const items: GenerationRequest["items"] = [
      { type: "reasoning", text: "abcd" },
      { type: "call", id: "1", name: "abcd", args: "{}xx" },
      { type: "result", id: "1", parts: [textPart("abcd"), image], failed: false },
    ];
    const tool = 4 + JSON.stringify(tools[0]).length / 4;
    expect(estimateInput({ ...request, tools, items })).toBe(Math.ceil(3 + tool + 5 + 6 + 5 + 46 * 34));
  });

  it("reserves what it counts as input, and the output", () => {
    const items = [{ type: "message", role: "user", parts: [textPart("word ".repeat(77))] }] as const;
    const asked = { ...request, items };
    expect(estimateTokens(asked) - estimateInput(asked)).toBe(1_024);
  });

  it("sums the pieces of a text to the whole", () => {
    const text = "Once upon a time, 很久以前。".repeat(9);
    const pieces = Array.from(text, estimateText);
    expect(pieces.reduce((sum, tokens) => sum + tokens, 0)).toBeCloseTo(estimateText(text));
  });
});
