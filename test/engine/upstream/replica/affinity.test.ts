import { describe, expect, it } from "vitest";
import { affinityKey, rendezvous } from "../../../../src/engine/upstream/replica/affinity.ts";
import { textPart, type Item } from "../../../../src/model/item.ts";
import { requestOf, user } from "../fake.ts";

const replicas = (count: number): { name: string; weight: number }[] =>
  Array.from({ length: count }, (_, at) => ({ name: `http://r${at}/v1`, weight: 1 }));
const keys = Array.from({ length: 4_000 }, (_, at) => `key ${at}`);
const owner = (key: string, among: { name: string; weight: number }[]): string => rendezvous(key, among)[0]?.name ?? "";

describe("affinityKey", () => {
  const system: Item = { type: "message", role: "system", parts: [textPart("You are kind.")] };
  const first = requestOf({ items: [system, user("one")] });

  it("stays while a conversation grows", () => {
    const grown = { ...first, items: [...first.items, { type: "reasoning", text: "t" } as const, user("two")] };
    expect(affinityKey(grown)).toBe(affinityKey(first));
  });

  it("differs where the prompt begins differently", () => {
    const tools = [{ name: "f", parameters: {} }];
    const others = [
      { ...first, items: [system, user("two")] },
      { ...first, items: [user("one")] },
      { ...first, tools },
      { ...first, model: "other" },
    ];
    expect(new Set([first, ...others].map(affinityKey)).size).toBe(5);
  });

  it("is the caller's key where there is one", () => {
    const keyed = { ...first, cacheKey: "k" };
    expect(affinityKey({ ...keyed, items: [user("else")] })).toBe(affinityKey(keyed));
    expect(affinityKey({ ...first, cacheKey: "" })).toBe(affinityKey(first));
  });
});

describe("rendezvous", () => {
  it("spreads keys evenly", () => {
    for (const count of [2, 4, 16]) {
      const shares = Map.groupBy(keys, (key) => owner(key, replicas(count)));
      expect(shares.size).toBe(count);
      for (const share of shares.values()) expect(Math.abs((share.length * count) / keys.length - 1)).toBeLessThan(0.2);
    }
  });

  it("heeds weights", () => {
    const among = [
      { name: "a", weight: 1 },
      { name: "b", weight: 3 },
    ];
    const heavy = keys.filter((key) => owner(key, among) === "b").length / keys.length;
    expect(heavy).toBeGreaterThan(0.72);
    expect(heavy).toBeLessThan(0.78);
  });

  it("moves only the keys of a replica that leaves, each to its next", () => {
    const all = replicas(8);
    const left = all.filter((_, at) => at !== 3);
    for (const key of keys) {
      const before = rendezvous(key, all);
      const after = owner(key, left);
      expect(after).toBe(before[0]?.name === all[3]?.name ? before[1]?.name : before[0]?.name);
    }
  });

  it("gives a replica that comes its share and moves nothing else", () => {
    const moved = keys.filter((key) => owner(key, replicas(8)) !== owner(key, replicas(9)));
    expect(moved.every((key) => owner(key, replicas(9)) === "http://r8/v1")).toBe(true);
    expect(Math.abs((moved.length * 9) / keys.length - 1)).toBeLessThan(0.25);
  });
});
