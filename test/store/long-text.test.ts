import { expect, it } from "vitest";
import type { SqlDatabase, SqlValue } from "../../src/store/database.ts";
import { sqlStore } from "../../src/store/sql.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { textOf } from "../support/stored-texts.ts";
import { counted } from "./counted.ts";

/** A database that notes the longest text and the most rows of any of its statements. */
function measured(inner: SqlDatabase) {
  const most = { chars: 0, rows: 0 };
  const note = (values: readonly (SqlValue | undefined)[]): void => {
    for (const value of values) if (typeof value === "string") most.chars = Math.max(most.chars, value.length);
  };
  const database: SqlDatabase = {
    dialect: inner.dialect,
    name: inner.name,
    transaction: (work) => inner.transaction(work),
    close: () => inner.close(),
    all: async (sql, values = []) => {
      const rows = await inner.all(sql, values);
      note([...values, ...rows.flatMap((row) => Object.values(row))]);
      return rows;
    },
    run: async (sql, values = []) => {
      note(values);
      const count = await inner.run(sql, values);
      most.rows = Math.max(most.rows, count);
      return count;
    },
  };
  return { database, most };
}

it("no statement carries more than a piece of a long text, whatever is done with the response", async () => {
  const { database, most } = measured(openSqlite());
  const store = await sqlStore(database);
  most.rows = 0;
  const long = JSON.stringify("a".repeat(5_000_000));
  const record = { id: "r", owner: "k", createdAt: 0, previousId: null, version: 1, expiresAt: Date.now() + 60_000 };
  const texts = { body: long, input: long, items: long, output: "", events: "[]" };
  await store.responses.save({ ...record, ...texts, state: "running" });
  await store.responses.end({ ...record, body: long, output: long, events: long });
  const found = (await store.responses.get("r", "k")) ?? expect.fail("not found");
  for (const text of ["body", "input", "items", "output", "events"] as const) {
    expect((await textOf(found[text])) === long).toBe(true);
  }
  await store.responses.save({ ...record, ...texts, id: "left", state: "remembered" });
  await store.responses.forgetOldest("k", 1);
  await store.responses.delete("r", "k");
  expect(await database.all("select count(*) as pieces from response_piece")).toEqual([{ pieces: 0 }]);
  expect(most.chars).toBeLessThan(66_000);
  expect(most.rows).toBeLessThan(100);
  await store.close();
});

it("the end of a response reads nothing, unless its body is a long one", async () => {
  const database = counted(openSqlite());
  const store = await sqlStore(database);
  const record = { id: "r", owner: "k", createdAt: 0, previousId: null, version: 1, expiresAt: Date.now() + 60_000 };
  const texts = { body: "{}", input: "[]", items: "[]", output: "", events: "[]" };
  await store.responses.save({ ...record, ...texts, state: "running" });
  database.take();
  await store.responses.end({ ...record, ...texts, body: ["{", "}"] });
  expect(database.take()).toEqual([]);
  await store.responses.end({ ...record, ...texts, body: "a".repeat(70_000) });
  expect(database.take()).toHaveLength(1);
  await store.close();
});
