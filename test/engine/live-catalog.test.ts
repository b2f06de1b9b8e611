import { describe, expect, it } from "vitest";
import { createCatalog } from "../../src/engine/catalog.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { LiveCatalog } from "../../src/engine/live-catalog.ts";

function engine(): Engine & { busy: number; closed: number } {
  return {
    kind: "test",
    capabilities: { constrained: false, image: false, video: "none" },
    busy: 0,
    closed: 0,
    generate: () => expect.fail("not asked for"),
    count: () => expect.fail("not asked for"),
    load() {
      return { running: this.busy, waiting: 0, slots: 1 };
    },
    close() {
      this.closed += 1;
      return Promise.resolve();
    },
  };
}

const catalogOf = (engines: Record<string, Engine>) =>
  createCatalog({ engines: new Map(Object.entries(engines)), entries: [] });
const servedBy = (catalog: LiveCatalog): Engine | undefined => catalog.targets("MiniMax-M3")[0]?.engine;

describe("LiveCatalog", () => {
  it("sends new requests to the new engine and closes the old one when it is idle", async () => {
    const [before, after] = [engine(), engine()];
    const catalog = new LiveCatalog(catalogOf({ a: before }));
    expect(servedBy(catalog)).toBe(before);
    before.busy = 1;
    catalog.exchange(catalogOf({ a: after }));
    expect(servedBy(catalog)).toBe(after);
    await new Promise((resolve) => setTimeout(resolve, 450));
    expect(before.closed).toBe(0);
    before.busy = 0;
    await expect.poll(() => before.closed, { timeout: 1_000 }).toBe(1);
    await catalog.close();
    expect([before.closed, after.closed]).toEqual([1, 1]);
  });

  it("leaves an engine alone that stands in both", async () => {
    const [kept, added] = [engine(), engine()];
    const catalog = new LiveCatalog(catalogOf({ a: kept }));
    catalog.exchange(catalogOf({ b: added, a: kept }));
    await new Promise((resolve) => setTimeout(resolve, 450));
    expect(kept.closed).toBe(0);
    await catalog.close();
    expect([kept.closed, added.closed]).toEqual([1, 1]);
  });

  it("is not disturbed by an engine that cannot be closed", async () => {
    const broken = engine();
    broken.close = () => {
      broken.closed += 1;
      return Promise.reject(new Error("it hangs"));
    };
    const catalog = new LiveCatalog(catalogOf({ a: broken }));
    catalog.exchange(catalogOf({ a: engine() }));
    await expect.poll(() => broken.closed, { timeout: 1_000 }).toBe(1);
    await catalog.close();
  });

  it("closes busy leftovers with itself", async () => {
    const busy = engine();
    const catalog = new LiveCatalog(catalogOf({ a: busy }));
    busy.busy = 3;
    catalog.exchange(catalogOf({ a: engine() }));
    await catalog.close();
    expect(busy.closed).toBe(1);
  });
});
