import { describe, expect, it, vi } from "vitest";
import { LedgerWriter } from "../../src/service/ledger.ts";
import type { LedgerJournal, LedgerRow, LedgerStore, LeftRows } from "../../src/store/store.ts";
import { silentLog, type Log } from "../../src/telemetry/log.ts";
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
    sweep: async () => 0,
  };
  return { store, batches };
}

describe("LedgerWriter", () => {
  it("writes what comes together in one batch, soon", async () => {
    const { store, batches } = memory();
    const writer = new LedgerWriter({ store, log: silentLog });
    for (const id of ["a", "b", "c"]) writer.add(row(id, { cost: 2, organisation: "o" }));
    expect([batches.length, writer.pending("key:k1"), writer.pending("organisation:o")]).toEqual([0, 6, 6]);
    await expect.poll(() => batches.length, { timeout: 10_000, interval: 5 }).toBe(1);
    expect(batches[0]?.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect([writer.pending("key:k1"), writer.pending("organisation:o")]).toEqual([0, 0]);
    await writer.close();
  });

  it("does not wait when there are many", async () => {
    const { store, batches } = memory();
    const writer = new LedgerWriter({ store, log: silentLog });
    for (let number = 0; number < 500; number += 1) writer.add(row(`r${number}`));
    await Promise.resolve();
    expect(batches.map(({ length }) => length)).toEqual([500]);
    await writer.close();
  });

  it("drains at the end, once each, in order", async () => {
    const { store, batches } = memory();
    const writer = new LedgerWriter({ store, log: silentLog });
    const ids = Array.from({ length: 1_234 }, (_, number) => `r${number}`);
    for (const id of ids) writer.add(row(id));
    await writer.close();
    expect(batches.flat().map(({ id }) => id)).toEqual(ids);
  });

  it("tries the same rows again when the store fails, and counts them as pending meanwhile", async () => {
    const { store, batches } = memory(1);
    const writer = new LedgerWriter({ store, log: silentLog });
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
    const writer = new LedgerWriter({ store, log: silentLog });
    writer.add(row("a"));
    const flushes = [writer.flush(), writer.flush()];
    writer.add(row("b"));
    await Promise.all([writer.close(), ...flushes]);
    expect(batches.flat().map(({ id }) => id)).toEqual(["a", "b"]);
  });

  it("gives up at the end when the store never comes back", async () => {
    const { store, batches } = memory(Number.POSITIVE_INFINITY);
    const writer = new LedgerWriter({ store, log: silentLog });
    writer.add(row("a"));
    await writer.close();
    expect(batches).toEqual([]);
  });
});

/** A journal in memory: ids of the rows that are not written. */
function journalOf(left: LeftRows[] = [], takes = (_row: LedgerRow): boolean => true) {
  const parts: string[][] = [[], []];
  const journal: LedgerJournal = {
    append: (one) => {
      if (!takes(one)) throw new Error("no room");
      parts[0]?.push(one.id);
    },
    cut: () => {
      const written = parts[0] ?? [];
      parts.reverse();
      return () => void written.splice(0);
    },
    left: async function* () {
      yield* left;
    },
    close: () => undefined,
  };
  return { journal, kept: (): string[] => parts.flat().toSorted() };
}

describe("LedgerWriter with a journal", () => {
  const lines: [string, unknown][] = [];
  const note = (fields: { requests?: unknown; rows?: unknown }, message: string): void =>
    void lines.push([message, fields.requests ?? fields.rows]);
  const log = { ...silentLog, warn: note, error: note } as unknown as Log;

  it("keeps a row there from the moment it is added until the store has it", async () => {
    const { store, batches } = memory();
    const { journal, kept } = journalOf();
    const writer = new LedgerWriter({ store, journal, log: silentLog });
    writer.add(row("a"));
    expect(kept()).toEqual(["a"]);
    const flushed = writer.flush();
    writer.add(row("b"));
    expect(kept()).toEqual(["a", "b"]);
    await flushed;
    expect(kept()).toEqual(["b"]);
    await writer.close();
    expect([kept(), batches.flat().map(({ id }) => id)]).toEqual([[], ["a", "b"]]);
  });

  it("goes on where the journal cannot be emptied: the rows are in the store", async () => {
    const { store, batches } = memory();
    const cut = () => (): never => {
      throw new Error("EROFS");
    };
    const writer = new LedgerWriter({ store, journal: { ...journalOf().journal, cut }, log });
    const written = vi.fn<() => void>();
    writer.add(row("a"), written);
    await writer.flush();
    writer.add(row("b"), written);
    await writer.close();
    expect([written.mock.calls.length, batches.flat().map(({ id }) => id)]).toEqual([2, ["a", "b"]]);
    expect(lines).toContainEqual(["the ledger journal cannot be emptied", undefined]);
  });

  it("loses at the end only what neither took, and says which requests that was", async () => {
    const { store } = memory(Number.POSITIVE_INFINITY);
    const { journal, kept } = journalOf([], ({ id }) => id !== "b");
    const writer = new LedgerWriter({ store, journal, log });
    for (const id of ["a", "b", "c"]) writer.add(row(id));
    await writer.close();
    expect(kept()).toEqual(["a", "c"]);
    expect(lines).toContainEqual(["ledger rows wait in the journal for the next start", ["request-a", "request-c"]]);
    expect(lines).toContainEqual(["ledger rows are lost", ["request-b"]]);
  });

  it("books what ended processes left, and keeps it where the store does not take it", async () => {
    const { store, batches } = memory(1);
    const discarded: string[] = [];
    const left = ["a", "b"].map((id) => ({
      rows: [row(id)],
      unreadable: 0,
      discard: async () => void discarded.push(id),
    }));
    const writer = new LedgerWriter({ store, journal: journalOf(left).journal, log });
    await expect(writer.bookLeft()).rejects.toThrow("away");
    expect(discarded).toEqual([]);
    await writer.bookLeft();
    expect([batches.flat().map(({ id }) => id), discarded]).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    await writer.close();
  });
});
