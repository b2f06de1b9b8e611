import { describe, expect, it } from "vitest";
import { RowCache } from "../../src/store/row-cache.ts";

/** A table of one column, and what was read of it. */
function table(maxRows = 10) {
  const rows = new Map([
    ["a", { value: 1 }],
    ["b", { value: 2 }],
  ]);
  const state: { stamp: number | undefined; reads: string[] } = { stamp: 1, reads: [] };
  const cache = new RowCache<{ value: number }>({ stamp: () => state.stamp, maxRows });
  const read = async (names: readonly string[]): Promise<Map<string, { value: number }>> => {
    state.reads.push(...names);
    return new Map([...rows].filter(([name]) => names.includes(name)));
  };
  const get = async (...names: string[]): Promise<(number | undefined)[]> =>
    (await cache.get(names, read)).map((row) => row?.value);
  return { rows, state, cache, get };
}

describe("rows in memory", () => {
  it("are read once, only those that are missing, and those that are not there each time", async () => {
    const { state, get } = table();
    expect(await get("a")).toEqual([1]);
    expect(await get("b", "a", "none")).toEqual([2, 1, undefined]);
    expect(await get("none", "a")).toEqual([undefined, 1]);
    expect(state.reads).toEqual(["a", "b", "none", "none"]);
  });

  it("end when the stamp changes, and are not kept without one", async () => {
    const { rows, state, get } = table();
    await get("a", "b");
    rows.set("a", { value: 5 });
    state.stamp = 2;
    expect(await get("a", "b")).toEqual([5, 2]);
    state.stamp = undefined;
    rows.set("a", { value: 6 });
    expect([await get("a"), await get("a")]).toEqual([[6], [6]]);
    state.stamp = 2;
    expect(await get("a")).toEqual([5]);
    expect(state.reads).toEqual(["a", "b", "a", "b", "a", "a"]);
  });

  it("are those that were used last", async () => {
    const { state, get } = table(1);
    for (const name of ["a", "b", "b", "a"]) await get(name);
    expect(state.reads).toEqual(["a", "b", "a"]);
  });

  it.each([
    ["the stamp changes", ({ state }: ReturnType<typeof table>) => void (state.stamp = 2)],
    ["they are forgotten", ({ cache }: ReturnType<typeof table>) => cache.forget(["a"])],
  ])("are not kept where %s while they are read", async (_name, change) => {
    const setup = table();
    const { cache, rows, get } = setup;
    const reading = cache.get(["a"], async () => {
      const old = new Map([["a", { value: 1 }]]);
      rows.set("a", { value: 9 });
      change(setup);
      await get("b");
      return old;
    });
    expect(await reading).toEqual([{ value: 1 }]);
    expect(await get("a")).toEqual([9]);
  });
});
