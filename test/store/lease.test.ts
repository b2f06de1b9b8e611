import { spawn } from "node:child_process";
import { once } from "node:events";
import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import type { SqlDatabase } from "../../src/store/database.ts";
import { isExpired, isRunning, WorkerLease } from "../../src/store/lease.ts";
import { openSqlite } from "../../src/store/sqlite.ts";

const own = "host/10/aaa";
const now = 1_000_000;
const running =
  (...pids: number[]) =>
  (pid: number) =>
    pids.includes(pid);

interface Case {
  who: string;
  workerId: string;
  renewedAt?: number;
  isRunning?: (pid: number) => boolean;
  expired: boolean;
}

const cases: readonly Case[] = [
  { who: "the own process, whatever the heartbeat", workerId: own, isRunning: running(), expired: false },
  { who: "one renewed in time", workerId: "host/11/bbb", renewedAt: now - 30_000, expired: false },
  { who: "one not renewed in time", workerId: "host/11/bbb", renewedAt: now - 30_001, expired: true },
  { who: "one that was released", workerId: "host/11/bbb", expired: true },
  { who: "nobody", workerId: "", isRunning: running(), expired: true },
  {
    who: "a process that runs here",
    workerId: "host/11/bbb",
    renewedAt: now,
    isRunning: running(11),
    expired: false,
  },
  { who: "a process that ran here", workerId: "host/11/bbb", renewedAt: now, isRunning: running(12), expired: true },
  {
    who: "the process that had this number before",
    workerId: "host/10/bbb",
    renewedAt: now,
    isRunning: running(10),
    expired: true,
  },
  {
    who: "a process of another machine",
    workerId: "other/11/bbb",
    renewedAt: now,
    isRunning: running(),
    expired: false,
  },
];

describe("a lease", () => {
  it.each(cases)("of $who: expired $expired", ({ workerId, renewedAt, isRunning: probe, expired }) => {
    expect(isExpired({ workerId, renewedAt }, own, now, probe)).toBe(expired);
  });
});

async function leaseTable(): Promise<SqlDatabase> {
  const database = openSqlite();
  await database.run("create table holder (id text primary key, renewed_at bigint not null)");
  return database;
}

it("of a process on this machine expires the moment the process is gone", async () => {
  const database = await leaseTable();
  const lease = new WorkerLease(database, () => now);
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  try {
    const workerId = `${hostname()}/${child.pid}/bbb`;
    await database.run("insert into holder (id, renewed_at) values (?, ?)", [workerId, now]);
    expect([...(await lease.expired([workerId]))]).toEqual([]);
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
    expect([...(await lease.expired([workerId]))]).toEqual([workerId]);
  } finally {
    child.kill("SIGKILL");
    await database.close();
  }
});

it("is not expired where the process belongs to another user", () => {
  const fail = (code: string) => (): never => {
    throw Object.assign(new Error("kill"), { code });
  };
  expect(isRunning(11, fail("EPERM"))).toBe(true);
  expect(isRunning(11, fail("ESRCH"))).toBe(false);
});

it("follows the clock it was given", async () => {
  const database = await leaseTable();
  let time = now;
  const lease = new WorkerLease(database, () => time);
  await lease.acquire();
  const renewed = async (): Promise<unknown> =>
    (await database.all("select renewed_at from holder"))[0]?.["renewed_at"];
  expect(await renewed()).toBe(now);
  await database.run("insert into holder (id, renewed_at) values ('other/1/a', ?)", [now]);
  expect([...(await lease.expired(["other/1/a"]))]).toEqual([]);
  time = now + 30_001;
  expect([...(await lease.expired(["other/1/a"]))]).toEqual(["other/1/a"]);
  await lease.release();
  expect(await database.all("select id from holder")).toEqual([{ id: "other/1/a" }]);
  await database.close();
});

it("is given up in silence where the database does not answer", async () => {
  const database = await leaseTable();
  const lease = new WorkerLease(database, () => now);
  await lease.acquire();
  await database.run("drop table holder");
  await expect(lease.release()).resolves.toBeUndefined();
  await database.close();
});
