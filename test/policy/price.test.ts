import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { documentedCards } from "../../src/model/card.ts";
import type { Price } from "../../src/model/account.ts";
import { costOf, documentedPrices, priceOf } from "../../src/policy/price.ts";

const m3 = documentedPrices["MiniMax-M3"] as Price;
const used = (input: number, cached: number, output: number) => ({ input, cached, output, reasoning: 0 });

describe("the documented prices", () => {
  it("are there for every documented model", () => {
    expect(Object.keys(documentedPrices)).toEqual(documentedCards.map(({ id }) => id));
  });

  it.each([
    ["a million in", used(100_000, 0, 0), 30_000],
    ["half of it from the cache", used(100_000, 50_000, 0), 18_000],
    ["output", used(0, 0, 1_000_000), 1_200_000],
    ["all together", used(1_000, 400, 50), 180 + 24 + 60],
    ["one token", used(1, 0, 0), 1],
    ["nothing", used(0, 0, 0), 0],
    ["input of 512,000", used(512_000, 0, 0), 153_600],
    ["input beyond", used(512_001, 1, 10), 307_200 + 1 + 24],
  ])("charge %s", (_name, usage, cost) => {
    expect(costOf(m3, usage, "standard")).toBe(cost);
  });

  it("take half as much again for priority", () => {
    expect(costOf(m3, used(100_000, 0, 1_000), "priority")).toBe(46_800);
  });

  it("give way to configured ones; a model without a price has none", () => {
    const own = { ...m3, input: 1 };
    expect(priceOf("MiniMax-M3", { "MiniMax-M3": own })).toBe(own);
    expect(priceOf("MiniMax-M3", {})).toBe(m3);
    expect(priceOf("mine", {})).toBeUndefined();
  });
});

describe("the cost of an answer", () => {
  const tokens = fc.nat({ max: 2_000_000 });
  const rate = fc.nat({ max: 1_000_000_000_000 });

  it("is a whole number, never too little and never a whole unit too much", () => {
    fc.assert(
      fc.property(tokens, tokens, tokens, fc.tuple(rate, rate), (input, cached, output, [one, other]) => {
        const price = { input: one, cached: other, output: one, priorityPercent: 100 };
        const cost = costOf(price, used(input, cached, output), "standard");
        const held = Math.min(input, cached);
        const exact = BigInt(input - held + output) * BigInt(one) + BigInt(held) * BigInt(other);
        const gap = BigInt(cost) * 1_000_000n - exact;
        expect(Number.isSafeInteger(cost)).toBe(true);
        expect(gap >= 0n && gap < 1_000_000n).toBe(true);
      }),
    );
  });
});
