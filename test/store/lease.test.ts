import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, it } from "vitest";
import type { SqlDatabase } from "../../src/store/database.ts";
import { WorkerLease } from "../../src/store/lease.ts";
import { openSqlite } from "../../src/store/sqlite.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const stranger = "0123456789ab-11-500-aa";

async function leaseTable(): Promise<SqlDatabase> {
  const database = openSqlite();
  ends.push(() => database.close());
  await database.run(
    "create table holder (id text primary key, renewed_at bigint not null, url text not null default '')",
  );
  return database;
}

/** A lease that watches a process of another machine, with a clock that the test sets. */
async function watching() {
  const database = await leaseTable();
  const clock = { ms: 1_000 };
  const lease = new WorkerLease(database, () => clock.ms);
  const renew = (renewedAt: number): Promise<number> =>
    database.run(
      "insert into holder (id, renewed_at) values (?, ?) on conflict (id) do update set renewed_at = excluded.renewed_at",
      [stranger, renewedAt],
    );
  const isExpired = async (): Promise<boolean> => (await lease.expired([stranger])).has(stranger);
  return { database, clock, lease, renew, isExpired };
}

it("of another machine expires when it was not renewed for 18 seconds of the watcher's own clock", async () => {
  const { clock, renew, isExpired } = await watching();
  await renew(5);
  expect(await isExpired()).toBe(false);
  clock.ms += 9_000;
  expect(await isExpired()).toBe(false);
  clock.ms += 9_001;
  expect(await isExpired()).toBe(true);
  await renew(6);
  expect(await isExpired()).toBe(false);
});

it.each([-7_200_000, -60_000, 60_000, 7_200_000])("is not ended by a clock that is %i ms off", async (off) => {
  const { clock, renew, isExpired } = await watching();
  for (let beat = 0; beat < 12; beat += 1) {
    await renew(Date.now() + (beat > 5 ? off : 0) + beat * 5_000);
    expect(await isExpired()).toBe(false);
    clock.ms += 5_000;
  }
});

it("is given its time again after a pause in which the database could not be asked", async () => {
  const { clock, renew, isExpired } = await watching();
  await renew(5);
  expect(await isExpired()).toBe(false);
  clock.ms += 60_000;
  expect(await isExpired()).toBe(false);
  clock.ms += 18_000;
  expect(await isExpired()).toBe(false);
  clock.ms += 1;
  expect(await isExpired()).toBe(true);
});

it("that was released, or never taken, has expired at once", async () => {
  const { isExpired } = await watching();
  expect(await isExpired()).toBe(true);
});

it("of the own process never expires, and is renewed by the database's clock", async () => {
  const { database, clock, lease } = await watching();
  await lease.acquire();
  const [row] = await database.all("select renewed_at from holder");
  expect(Math.abs(Number(row?.["renewed_at"]) - Date.now())).toBeLessThan(5_000);
  await lease.expired([]);
  clock.ms += 1_000_000;
  expect([...(await lease.expired([lease.id]))]).toEqual([]);
  await lease.release();
  expect(await database.all("select id from holder")).toEqual([]);
});

it("of a process on this machine expires the moment the process is gone, and not before", async () => {
  const database = await leaseTable();
  const clock = { ms: 0 };
  const lease = new WorkerLease(database, () => clock.ms);
  const { child, name } = await processWithName();
  await database.run("insert into holder (id, renewed_at) values (?, 1)", [name]);
  for (let look = 0; look < 5; look += 1) {
    expect([...(await lease.expired([name]))]).toEqual([]);
    clock.ms += 15_000;
  }
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
  expect([...(await lease.expired([name]))]).toEqual([name]);
});

/** A process and a name it made for itself. */
async function processWithName(): Promise<{ child: ChildProcess; name: string }> {
  const url = JSON.stringify(new URL("../../src/lib/owner.ts", import.meta.url).href);
  const program = `const { ownedName } = await import(${url}); console.log(ownedName()); setInterval(() => {}, 1000)`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  ends.push(() => child.kill("SIGKILL"));
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, name: line.toString().trim() };
}

it("leaves no rows of processes that ended long ago", async () => {
  const { database, clock, lease, renew } = await watching();
  await renew(5);
  for (let look = 0; look <= 61; look += 1) {
    await lease.expired([]);
    clock.ms += 10_000;
  }
  expect(await database.all("select id from holder")).toEqual([]);
});

it("is given up in silence where the database does not answer", async () => {
  const database = await leaseTable();
  const lease = new WorkerLease(database);
  await lease.acquire();
  await database.run("drop table holder");
  await expect(lease.release()).resolves.toBeUndefined();
});
