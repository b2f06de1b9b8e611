/** Money that answers under way reserve: in one process, and in several on one database. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryFunds, type Funds, type MoneyReservation } from "../../src/policy/funds.ts";
import { SharedFunds } from "../../src/policy/shared-funds.ts";
import { openLimitStore, openLocalLimitStore, openStore } from "../../src/store/open.ts";
import { sqlLimitStore, sqlStore } from "../../src/store/sql.ts";
import type { AccountStore, LimitStore, Store } from "../../src/store/store.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { pgliteDatabase } from "../store/pglite.ts";
import { postgresFolder, startPostgres } from "../store/postgres-server.ts";

const stops: (() => Promise<void>)[] = [];
const at = Date.UTC(2026, 10, 20);
const nothingPending = (): number => 0;

interface Setup {
  accounts: AccountStore;
  /** As many as there would be processes. */
  funds: Funds[];
}

async function inMemory(): Promise<Setup> {
  const store = await openStore();
  stops.push(() => store.close());
  return { accounts: store.accounts, funds: [new MemoryFunds({ accounts: store.accounts, pending: nothingPending })] };
}

interface Stores {
  store: Store;
  open: () => Promise<LimitStore>;
}

async function postgres(): Promise<Stores> {
  const programs = postgresFolder();
  if (programs === undefined) {
    const database = await PGlite.create();
    stops.unshift(() => database.close());
    return { store: await sqlStore(pgliteDatabase(database)), open: () => sqlLimitStore(pgliteDatabase(database)) };
  }
  const server = await startPostgres(programs);
  stops.unshift(() => server.stop());
  const url = await server.database();
  const store = await openStore(undefined, url);
  stops.unshift(() => store.close());
  return { store, open: () => openLimitStore(url) };
}

async function sqlite(): Promise<Stores> {
  const folder = mkdtempSync(join(tmpdir(), "parley-funds-"));
  stops.unshift(async () => rmSync(folder, { recursive: true, force: true }));
  const store = await openStore(folder);
  stops.unshift(() => store.close());
  return { store, open: () => openLocalLimitStore(folder) };
}

async function shared({ store, open }: Stores): Promise<Setup> {
  const funds: Funds[] = [];
  for (let number = 0; number < 3; number += 1) {
    const limits = await open();
    let ids = 0;
    const one = new SharedFunds({
      accounts: store.accounts,
      pending: nothingPending,
      store: limits.money,
      log: silentLog,
      id: () => `${number}-${(ids += 1)}`,
    });
    stops.unshift(async () => {
      await one.close();
      await limits.close();
    });
    funds.push(one);
  }
  return { accounts: store.accounts, funds };
}

afterAll(async () => {
  for (const stop of stops) await stop();
});

describe.each([
  ["one process", inMemory],
  ["three processes on PostgreSQL", async () => shared(await postgres())],
  ["three processes on SQLite", async () => shared(await sqlite())],
])("the funds of %s", (_name, setup) => {
  let accounts: AccountStore;
  let funds: Funds[] = [];
  beforeAll(async () => {
    ({ accounts, funds } = await setup());
  }, 60_000);

  const reserve = (subjects: readonly string[], cost: number, number = 0): Promise<MoneyReservation> => {
    const one = funds[number % funds.length];
    if (one === undefined) throw new Error("no funds");
    return one.reserve({ subjects, at, budgets: { organisation: { month: 500 } }, cost: () => cost });
  };
  /** Ends a reservation whose answer cost so much. */
  const pay = async (subject: string, reservation: MoneyReservation, cost: number): Promise<void> => {
    reservation.settle(cost);
    await accounts.credit(subject, -cost);
    reservation.release();
  };

  it("are not asked of accounts that are held to nothing", async () => {
    for (let times = 0; times < 3; times += 1) await reserve(["key:free"], 1e12);
    expect(await accounts.read(["key:free"], at)).toMatchObject([{ balance: null, spent: { total: 0 } }]);
  });

  it("are never reserved beyond what is left, whatever comes at once", async () => {
    await accounts.update("key:a", { balance: 1_000 });
    const asked = Array.from({ length: 300 }, (_, number) => reserve(["key:a"], 300, number));
    const settled = await Promise.allSettled(asked);
    const passed = settled.filter((one) => one.status === "fulfilled").map(({ value }) => value);
    const reasons = settled.filter((one) => one.status === "rejected").map(({ reason }) => reason as unknown);
    // three whole ones, and one that may cost more than the 100 that are left
    expect(passed).toHaveLength(4);
    for (const reason of reasons) expect(reason).toMatchObject({ kind: "rate-limit", retryAfter: 1 });
    for (const one of passed) await pay("key:a", one, 300);
    expect((await accounts.read(["key:a"], at))[0]?.balance).toBe(-200);
    await expect(reserve(["key:a"], 1)).rejects.toMatchObject({ kind: "balance" });
  });

  it("are free again at once for the one who ended an answer", async () => {
    await accounts.update("key:b", { balance: 1_000 });
    for (let times = 0; times < 5; times += 1) await pay("key:b", await reserve(["key:b"], 5_000), 100);
    (await reserve(["key:b"], 5_000)).release();
    (await reserve(["key:b"], 500)).release();
    expect(await accounts.read(["key:b"], at)).toMatchObject([{ balance: 500 }]);
  });

  it("take from every account or from none", async () => {
    await accounts.update("key:c", { balance: 1_000 });
    const other = await reserve(["organisation:c"], 500);
    await expect(reserve(["key:c", "organisation:c"], 400)).rejects.toMatchObject({ kind: "rate-limit" });
    const whole = await reserve(["key:c"], 1_000);
    other.release();
    whole.release();
    (await reserve(["key:c", "organisation:c"], 500)).release();
  });

  it("refuse a spent balance before a spent budget, and work that costs nothing too", async () => {
    await accounts.update("key:d", { balance: 0, budgets: { week: 0 } });
    await expect(reserve(["key:d"], 0)).rejects.toThrow(/^insufficient balance: the balance of this key is 0 dollars$/);
    await accounts.update("key:d", { balance: null });
    await expect(reserve(["key:d"], 0)).rejects.toThrow(
      /budget of a week of this key is spent \(0 of 0 dollars\); it begins anew at 2026-11-23T00:00:00.000Z/,
    );
    await accounts.update("key:d", { budgets: { week: 10 } });
    const all = await reserve(["key:d"], 10);
    await reserve(["key:d"], 0);
    all.release();
  });
});
