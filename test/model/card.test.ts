import { describe, expect, it } from "vitest";
import { documentedCards, type ModelCard } from "../../src/model/card.ts";

function card(id: string): ModelCard {
  const found = documentedCards.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no card ${id}`);
  return found;
}

describe("documentedCards", () => {
  it("lists the documented names once each", () => {
    expect(documentedCards.map(({ id }) => id)).toEqual([
      "MiniMax-M3",
      "MiniMax-M3.1-Flash",
      "MiniMax-M2.7",
      "MiniMax-M2.7-highspeed",
      "MiniMax-M2.5",
      "MiniMax-M2.5-highspeed",
      "MiniMax-M2.1",
      "MiniMax-M2.1-highspeed",
      "MiniMax-M2",
      "M2-her",
    ]);
  });

  it.each([
    ["MiniMax-M3", 1_000_000, 524_288, 0.95],
    ["MiniMax-M3.1-Flash", 1_000_000, 524_288, 0.95],
    ["MiniMax-M2.7", 204_800, 204_800, 0.9],
    ["MiniMax-M2", 204_800, 204_800, 0.9],
    ["M2-her", 65_536, 2_048, 0.95],
  ])("%s: window %i, output %i, top_p %d", (id, contextWindow, maxOutput, topP) => {
    expect(card(id)).toMatchObject({ contextWindow, maxOutput, topP: { default: topP }, temperature: { default: 1 } });
  });

  it("takes pictures with M3 and M3.1, and turns thought off with M3 only", () => {
    for (const one of documentedCards) {
      const m3 = one.id === "MiniMax-M3";
      const m31 = one.id === "MiniMax-M3.1-Flash";
      expect(one.modalities.includes("image")).toBe(m3 || m31);
      expect(one.reasoning === "switchable").toBe(m3);
      expect(one.defaultEffort).toBe(m31 ? "max" : undefined);
      expect(one.showsTier).toBe(m3 || m31);
    }
  });

  it("knows the other stack behind plain M2.5 and M2.1", () => {
    const tight = documentedCards.filter(({ reasoningForm }) => reasoningForm === "tight").map(({ id }) => id);
    expect(tight).toEqual(["MiniMax-M2.5", "MiniMax-M2.1"]);
    for (const id of tight) expect(card(id).usageDetail.reasoning).toBe(false);
  });

  it("refuses what role play refuses: zero temperature, more than 1, zero nucleus", () => {
    expect(card("M2-her")).toMatchObject({
      temperature: { max: 1, zero: false },
      topP: { zero: false },
      overMaxOutput: "clamp",
      reasoning: "never",
    });
  });

  it("has defaults inside its own ranges", () => {
    for (const one of documentedCards) {
      expect(one.maxOutput).toBeLessThanOrEqual(one.contextWindow);
      expect(one.temperature.default).toBeLessThanOrEqual(one.temperature.max);
      expect(one.topP.default).toBeLessThanOrEqual(1);
      expect(one.created).toBeGreaterThan(1_672_531_200);
    }
  });
});
