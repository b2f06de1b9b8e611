import { describe, expect, it } from "vitest";
import { textPart } from "../../src/model/item.ts";
import type { GenerationRequest } from "../../src/model/request.ts";
import { estimateTokens } from "../../src/policy/estimate.ts";
import { generationRequest } from "../support/request.ts";

const request = generationRequest({ items: [] });

describe("estimateTokens", () => {
  it("takes a third of the text, and the output that may come", () => {
    const items = [{ type: "message", role: "user", parts: [textPart("字".repeat(300))] }] as const;
    expect(estimateTokens({ ...request, items })).toBe(100 + 1_024);
    expect(estimateTokens({ ...request, items, sampling: { stop: [], maxTokens: 7 } })).toBe(107);
    expect(estimateTokens({ ...request, sampling: { stop: [], maxTokens: 500_000 } })).toBe(4_096);
  });

  it("counts tools, calls, results, thought and media", () => {
    const sampling = { stop: [], maxTokens: 0 };
    const tools = [{ name: "abc", parameters: {} }];
    const image = { type: "image", media: { kind: "url", url: "https://a.b/c.png" }, detail: "default" } as const;
    const items: GenerationRequest["items"] = [
      { type: "reasoning", text: "abc" },
      { type: "call", id: "1", name: "abc", args: "{}x" },
      { type: "result", id: "1", parts: [textPart("abc"), image], failed: false },
    ];
    expect(estimateTokens({ ...request, sampling, tools, items })).toBe(46 * 34 + Math.ceil((5 + 3 + 6 + 3) / 3));
  });
});
