import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countTokens, splitTokens } from "../../../src/engine/sim/tokens.ts";

const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), fc.string());

describe("splitTokens", () => {
  it("loses and adds nothing, and counts what it splits", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const tokens = [...splitTokens(text)];
        expect(tokens.join("")).toBe(text);
        expect(tokens).not.toContain("");
        expect(countTokens(text)).toBe(tokens.length);
      }),
    );
  });

  it("never cuts a surrogate pair", () => {
    for (const token of splitTokens("a👍🏽b👩‍👩‍👧‍👦🇨🇳 𝒳𝒴 中😀文")) expect(token.isWellFormed()).toBe(true);
  });

  it("keeps lone surrogates as they are", () => {
    expect([...splitTokens("\ud800a\udc00")].join("")).toBe("\ud800a\udc00");
  });

  it("takes about four Latin letters, two Chinese characters or one emoji per token", () => {
    const english = "The quick brown fox jumps over the lazy dog and then it sleeps until the morning comes. ".repeat(
      20,
    );
    expect(english.length / countTokens(english)).toBeGreaterThan(3.2);
    expect(english.length / countTokens(english)).toBeLessThan(5);
    expect(countTokens("今天天气很好")).toBe(3);
    expect(countTokens("😀😀😀")).toBe(3);
  });

  it("is linear: a megabyte takes no noticeable time", () => {
    const text = "word 中文 12,345 😀\n".repeat(60_000);
    const start = performance.now();
    expect([...splitTokens(text)].join("")).toBe(text);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});
