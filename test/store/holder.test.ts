import { describe, expect, it } from "vitest";
import { Holder, isGone } from "../../src/store/holder.ts";
import { openSqlite } from "../../src/store/sqlite.ts";

const own = "host/10/aaa";
const now = 1_000_000;
const alive =
  (...pids: number[]) =>
  (pid: number) =>
    pids.includes(pid);

interface Case {
  who: string;
  id: string;
  renewedAt?: number;
  exists?: (pid: number) => boolean;
  gone: boolean;
}

const cases: readonly Case[] = [
  { who: "oneself, whatever the word", id: own, exists: alive(), gone: false },
  { who: "one that gave word, of whom nothing else is known", id: "host/11/bbb", renewedAt: now - 30_000, gone: false },
  { who: "one that has been silent", id: "host/11/bbb", renewedAt: now - 30_001, gone: true },
  { who: "one that said good-bye", id: "host/11/bbb", gone: true },
  { who: "nobody", id: "", exists: alive(), gone: true },
  { who: "a process that runs here", id: "host/11/bbb", renewedAt: now, exists: alive(11), gone: false },
  { who: "a process that ran here", id: "host/11/bbb", renewedAt: now, exists: alive(12), gone: true },
  { who: "the process that had this number before", id: "host/10/bbb", renewedAt: now, exists: alive(10), gone: true },
  { who: "a process of another machine", id: "other/11/bbb", renewedAt: now, exists: alive(), gone: false },
];

describe("isGone", () => {
  it.each(cases)("of $who: $gone", ({ id, renewedAt, exists, gone }) => {
    expect(isGone({ id, renewedAt }, own, now, exists)).toBe(gone);
  });
});

it("goes without a good-bye from a database that does not answer", async () => {
  const database = openSqlite();
  const holder = new Holder(database);
  await database.run("create table holder (id text primary key, renewed_at bigint not null)");
  await holder.begin();
  await database.run("drop table holder");
  await expect(holder.close()).resolves.toBeUndefined();
  await database.close();
});
