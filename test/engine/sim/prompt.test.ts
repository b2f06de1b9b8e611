import { describe, expect, it } from "vitest";
import { readConversation } from "../../../src/engine/sim/conversation.ts";
import { measurePrompt } from "../../../src/engine/sim/prompt.ts";
import { requestedEcho } from "../../../src/engine/sim/reply.ts";
import { countTokens } from "../../../src/engine/sim/tokens.ts";
import { finish } from "../../../src/lib/time-slices.ts";
import { textPart, type Item } from "../../../src/model/item.ts";
import { generationRequest } from "../../support/request.ts";

const mebibyte = 1024 * 1024;

function tokensOf(...items: Item[]): number {
  return finish(measurePrompt(generationRequest({ items }), 64)).tokens;
}

describe("a prompt", () => {
  it("counts the mark of a short text together with it, and that of a long one apart, which is not copied for it", () => {
    const frame = countTokens("<assistant>");
    const long = "<".repeat(70_001);
    expect(tokensOf({ type: "reasoning", text: "<x" })).toBe(countTokens("<think><x") + frame);
    expect(tokensOf({ type: "reasoning", text: long })).toBe(countTokens("<think>") + countTokens(long) + frame);
    const call = { type: "call", id: "1", name: "f", args: long } as const;
    expect(tokensOf(call)).toBe(countTokens("<call f>") + countTokens(long) + frame);
  });
});

describe("the conversation", () => {
  const said = (...texts: string[]): string =>
    readConversation(generationRequest({ items: [{ type: "message", role: "user", parts: texts.map(textPart) }] }))
      .userText;

  it("holds a text of several parts as one, of a very long one the beginning and the end", () => {
    expect(said("a", "", "b")).toBe("ab");
    const text = said("first ", "", "x".repeat(3 * mebibyte), "y".repeat(3 * mebibyte), "\n", "Repeat: last");
    expect(text).toHaveLength(4 * mebibyte);
    expect([text.slice(0, 8), requestedEcho(text)]).toEqual(["first xx", "last"]);
    const one = "z".repeat(5 * mebibyte);
    expect(said(one)).toBe(one);
  });
});
