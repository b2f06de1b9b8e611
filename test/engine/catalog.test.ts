import { describe, expect, it } from "vitest";
import { createCatalog, type CatalogEntry } from "../../src/engine/catalog.ts";
import type { Engine } from "../../src/engine/engine.ts";

const plain: Engine = {
  kind: "plain",
  capabilities: { constrained: false, image: false, video: "none" },
  generate: () => expect.fail("not asked for"),
  count: () => expect.fail("not asked for"),
  load: () => ({ running: 0, waiting: 0, slots: 1 }),
  close: () => Promise.resolve(),
};
const small: Engine = { ...plain, kind: "small", temperature: 0.3 };

function temperatureOf(engines: Record<string, Engine>, entry: Partial<CatalogEntry> = {}): number {
  const entries = entry.engines === undefined ? [] : [{ name: "MiniMax-M2.7", engines: entry.engines }];
  const catalog = createCatalog({ engines: new Map(Object.entries(engines)), entries });
  return catalog.card("MiniMax-M2.7").temperature.default;
}

describe("the temperature of a name's card", () => {
  it("is the documented one, or what suits the model of the first engine", () => {
    expect(temperatureOf({ plain, small })).toBe(1);
    expect(temperatureOf({ small, plain })).toBe(0.3);
    expect(temperatureOf({ small, plain }, { engines: ["plain", "small"] })).toBe(1);
    expect(temperatureOf({ plain, small }, { engines: ["small", "plain"] })).toBe(0.3);
  });

  it("leaves its bounds as they are", () => {
    const card = createCatalog({ engines: new Map([["small", small]]), entries: [] }).card("MiniMax-M3");
    expect(card.temperature).toEqual({ default: 0.3, max: 2, zero: true });
  });
});
