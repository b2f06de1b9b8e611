import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LruCache } from "../../src/lib/lru.ts";
import { growth } from "../support/cpu.ts";

describe("LruCache", () => {
  it("forgets the entry that was used longest ago; looking is no use", () => {
    const cache = new LruCache<string, number>({ maxEntries: 2 });
    cache.set("a", 1);
    cache.set("b", 2);
    expect([cache.get("a"), cache.has("b")]).toEqual([1, true]);
    cache.set("c", 3);
    expect(["a", "b", "c"].map((key) => cache.get(key))).toEqual([1, undefined, 3]);
    cache.set("a", 4);
    cache.set("d", 5);
    expect(["a", "c", "d"].map((key) => cache.get(key))).toEqual([4, undefined, 5]);
  });

  it("keeps nothing larger than itself, and drops the value that it replaces", () => {
    const cache = new LruCache<string, string>({ maxSize: 5, sizeOf: (value) => value.length });
    cache.set("a", "12");
    cache.set("b", "123");
    cache.set("a", "123456");
    expect([cache.get("a"), cache.get("b"), cache.size]).toEqual([undefined, "123", 3]);
    cache.delete("b");
    expect(cache.size).toBe(0);
  });

  it("never passes a bound, and counts exactly what it holds", () => {
    const step = fc.record({ key: fc.integer({ min: 0, max: 9 }), size: fc.integer({ min: 0, max: 8 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const cache = new LruCache<number, number>({ maxEntries: 4, maxSize: 15, sizeOf: (size) => size });
        for (const { key, size } of steps) {
          cache.set(key, size);
          const held = Array.from({ length: 10 }, (_, at) => at).filter((at) => cache.has(at));
          expect(held.length).toBeLessThanOrEqual(4);
          expect(cache.has(key)).toBe(true);
          expect(cache.size).toBeLessThanOrEqual(15);
        }
        const sizes = Array.from({ length: 10 }, (_, at) => cache.get(at) ?? 0);
        expect(cache.size).toBe(sizes.reduce((sum, size) => sum + size, 0));
      }),
    );
  });

  it("forgets as fast when it holds many as when it holds few", () => {
    const full = (entries: number): (() => void) => {
      const cache = new LruCache<number, true>({ maxEntries: entries });
      let next = 0;
      const add = (count: number): void => {
        for (const end = next + count; next < end; next += 1) cache.set(next, true);
      };
      add(entries);
      return () => add(50_000);
    };
    expect(growth(full(1_000), full(30_000))).toBeLessThan(8);
  });
});
