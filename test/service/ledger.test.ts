import { describe, expect, it } from "vitest";
import { LedgerWriter } from "../../src/service/ledger.ts";
import type { LedgerRow, LedgerStore } from "../../src/store/store.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { row } from "../contract/store.ts";

/** Keeps batches in a list; fails as often as told. */
function memory(failures = 0) {
  const batches: LedgerRow[][] = [];
  let left = failures;
  const store: LedgerStore = {
    add: async (rows) => {
      if (left-- > 0) throw new Error("the database is away");
      batches.push([...rows]);
    },
    usage: async () => [],
    list: async () => [],
  };
  return { store, batches };
}

describe("LedgerWriter", () => {
  it("writes what comes together in one batch, soon", async () => {
    const { store, batches } = memory();
    const writer = new LedgerWriter(store, silentLog);
    for (const id of ["a", "b", "c"]) writer.add(row(id, { cost: 2, organisation: "o" }));
    expect([batches.length, writer.pending("key:k1"), writer.pending("organisation:o")]).toEqual([0, 6, 6]);
    await expect.poll(() => batches.length, { timeout: 10_000, interval: 5 }).toBe(1);
    expect(batches[0]?.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect([writer.pending("key:k1"), writer.pending("organisation:o")]).toEqual([0, 0]);
    await writer.close();
  });

  it("does not wait when there are many", async () => {
    const { store, batches } = memory();
    const writer = new LedgerWriter(store, silentLog);
    for (let number = 0; number < 500; number += 1) writer.add(row(`r${number}`));
    await Promise.resolve();
    expect(batches.map(({ length }) => length)).toEqual([500]);
    await writer.close();
  });

  it("drains at the end, once each, in order", async () => {
    const { store, batches } = memory();
    const writer = new LedgerWriter(store, silentLog);
    const ids = Array.from({ length: 1_234 }, (_, number) => `r${number}`);
    for (const id of ids) writer.add(row(id));
    await writer.close();
    expect(batches.flat().map(({ id }) => id)).toEqual(ids);
  });

  it("tries the same rows again when the store fails, and counts them as pending meanwhile", async () => {
    const { store, batches } = memory(1);
    const writer = new LedgerWriter(store, silentLog);
    writer.add(row("a", { cost: 5 }));
    const flushed = writer.flush();
    await Promise.resolve();
    writer.add(row("b", { cost: 1 }));
    expect(writer.pending("key:k1")).toBe(6);
    await flushed;
    await writer.close();
    expect(batches.flat().map(({ id }) => id)).toEqual(["a", "b"]);
    expect(writer.pending("key:k1")).toBe(0);
  });

  it("writes at the end what came while it was writing", async () => {
    const { store, batches } = memory(1);
    const writer = new LedgerWriter(store, silentLog);
    writer.add(row("a"));
    const flushes = [writer.flush(), writer.flush()];
    writer.add(row("b"));
    await Promise.all([writer.close(), ...flushes]);
    expect(batches.flat().map(({ id }) => id)).toEqual(["a", "b"]);
  });

  it("gives up at the end when the store never comes back", async () => {
    const { store, batches } = memory(Number.POSITIVE_INFINITY);
    const writer = new LedgerWriter(store, silentLog);
    writer.add(row("a"));
    await writer.close();
    expect(batches).toEqual([]);
  });
});
