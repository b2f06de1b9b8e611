/** Keys and accounts in memory: a change by anyone holds for the next request, and nothing is read where nothing changed. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nextLoopTurn } from "../../src/lib/loop-turn.ts";
import { calendarOf, subjectsOf } from "../../src/model/account.ts";
import { systemIds } from "../../src/model/id.ts";
import { plainKeyHash, type Caller } from "../../src/policy/authenticate.ts";
import { MemoryFunds } from "../../src/policy/funds.ts";
import { openAdmin, type AdminService } from "../../src/service/admin.ts";
import { sqlStore } from "../../src/store/sql.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import type { KeyChange, Store } from "../../src/store/store.ts";
import { key, row } from "../contract/store.ts";
import { counted, uncached, type CountedDatabase } from "./counted.ts";

const at = Date.UTC(2026, 10, 20, 12);
let now = at;
const ids = { ...systemIds, now: () => now };

let folder: string;
let database: CountedDatabase;
/** The process that answers requests. */
let store: Store;
let admin: AdminService;
/** The process that administers. */
let other: Store;
let otherAdmin: AdminService;

beforeEach(async () => {
  now = at;
  folder = mkdtempSync(join(tmpdir(), "parley-changes-"));
  database = counted(openSqlite(folder));
  store = await sqlStore(database);
  other = await sqlStore(openSqlite(folder));
  admin = await openAdmin(store, ids);
  otherAdmin = await openAdmin(other, ids);
});
afterEach(async () => {
  await store.close();
  await other.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What a request of the key is held to: who it is and what may still be spent. */
async function request(secret: string): Promise<{ caller: Caller; left: unknown } | undefined> {
  const found = await admin.lookup(admin.hash(secret), secret);
  if (found === undefined) return undefined;
  const funds = new MemoryFunds({ accounts: store.accounts, pending: () => 0 });
  const left = await funds.left({ subjects: subjectsOf(found.caller), at: now, budgets: {} });
  return { caller: found.caller, left };
}

describe("on the hot path", () => {
  it("nothing is read of a key without a balance and a budget after its first request, whatever it uses", async () => {
    const { key: secret, record } = await admin.createKey({ name: "free", limits: { streams: 5 } });
    await request(secret);
    database.take();
    for (let times = 0; times < 5; times += 1) {
      await request(secret);
      await store.ledger.add([row(`r${times}`, { keyId: record.id })]);
      await nextLoopTurn();
    }
    expect(database.take()).toEqual([]);
  });

  it("of one with a budget its account alone is read, once after each batch of the ledger", async () => {
    const organisation = await admin.createOrganisation({ name: "team" });
    const { key: secret, record } = await admin.createKey({ name: "held", organisation: organisation.id });
    await admin.money.change({ kind: "organisation", id: organisation.id }, { budgets: { day: 1_000_000 } });
    await request(secret);
    database.take();
    for (let times = 0; times < 5; times += 1) await request(secret);
    expect(database.take()).toEqual([]);
    await store.ledger.add([row("r", { keyId: record.id, organisation: organisation.id, at: now })]);
    for (let times = 0; times < 5; times += 1)
      expect(await request(secret)).toMatchObject({ left: [{}, { budgets: [{ spent: 7 }] }] });
    expect(database.take()).toHaveLength(1);
  });

  it("a key declared by a hash takes one query, and then none", async () => {
    const declared = { keys: { ci: { hash: plainKeyHash("secret") } }, organisations: {} };
    await admin.applyDeclared(declared);
    database.take();
    await request("secret");
    // the revision, the key and whether it is held to money
    expect(database.take()).toHaveLength(3);
    await request("secret");
    expect(database.take()).toEqual([]);
  });

  it("what another process books is one query of the revision, and leaves keys as they are", async () => {
    const { key: secret } = await admin.createKey({ name: "free" });
    await request(secret);
    await other.ledger.add([row("r", { keyId: "k" })]);
    database.take();
    await request(secret);
    expect(database.take()).toEqual(["select number from revision"]);
  });

  it("an unknown key is looked for each time, and found when it is made", async () => {
    expect([await request("later"), await request("later")]).toEqual([undefined, undefined]);
    await other.keys.insert(key("later", { hash: admin.hash("later") }));
    expect((await request("later"))?.caller.keyId).toBe("later");
  });

  it("a key that is in memory is refused when the store cannot be read", async () => {
    const { key: secret } = await admin.createKey({ name: "free" });
    await request(secret);
    await store.close();
    await nextLoopTurn();
    await expect(request(secret)).rejects.toThrow();
    store = await sqlStore(openSqlite(folder));
  });
});

/** A change by an administrator, and what the next request of the key sees; `undefined`: it is refused. */
const changes: readonly [name: string, change: (by: AdminService, id: string) => Promise<unknown>, seen: unknown][] = [
  ["disables the key", (by, id) => by.changeKey(id, { disabled: true }), undefined],
  ["deletes it", (by, id) => by.deleteKey(id), undefined],
  ["rotates it", (by, id) => by.rotateKey(id), undefined],
  ["rotates it with an overlap", (by, id) => by.rotateKey(id, 1_000), {}],
  ["limits it", (by, id) => by.changeKey(id, { limits: { streams: 1 } }), { caller: { limits: { streams: 1 } } }],
  ["takes a model", (by, id) => by.changeKey(id, { models: ["M"] }), { caller: { models: ["M"] } }],
  [
    "takes it out of its organisation",
    (by, id) => by.changeKey(id, { organisation: null }),
    { left: [{ subject: expect.stringMatching(/^key:/) }] },
  ],
  ["disables its organisation", (by) => by.changeOrganisation("team", { disabled: true }), undefined],
  [
    "limits its organisation",
    (by) => by.changeOrganisation("team", { limits: { streams: 2 } }),
    { caller: { organisationLimits: { streams: 2 } } },
  ],
  ["deletes its organisation", (by) => by.deleteOrganisation("team"), { left: [{ budgets: [] }] }],
  [
    "gives it a budget",
    (by, id) => by.money.change({ kind: "key", id }, { budgets: { week: 5 } }),
    { left: [{ budgets: [{ limit: 5 }] }, { balance: 50 }] },
  ],
  [
    "pays its organisation in",
    async (by) => by.money.credit(await by.subject({ organisation: "team" }), 7),
    { left: [{}, { balance: 57 }] },
  ],
  [
    "frees its organisation of its balance",
    async (by) => by.money.change(await by.subject({ organisation: "team" }), { balance: null }),
    { left: [{ budgets: [] }, { budgets: [] }] },
  ],
];

describe.each([
  ["another process", () => otherAdmin],
  ["this process", () => admin],
])("when %s", (_who, by) => {
  let secret: string;
  let id: string;
  beforeEach(async () => {
    const organisation = await admin.createOrganisation({ name: "team" });
    await admin.money.credit({ kind: "organisation", id: organisation.id }, 50);
    const made = await admin.createKey({ name: "one", organisation: organisation.id });
    [secret, id] = [made.key, made.record.id];
    await request(secret);
  });

  it.each(changes)("%s, the next request sees it", async (_name, change, seen) => {
    await change(by(), id);
    const after = await request(secret);
    if (seen === undefined) expect(after).toBeUndefined();
    else expect(after).toMatchObject(seen as object);
  });

  it("books what was used, the next request has less", async () => {
    const organisation = (await admin.key(id)).organisation;
    const booking = by() === admin ? store : other;
    await booking.ledger.add([row("r", { keyId: id, organisation, cost: 20 })]);
    expect(await request(secret)).toMatchObject({ left: [{}, { balance: 30 }] });
  });

  it("rotates it, both secrets work until the old one ends, which is no change at all", async () => {
    const { key: fresh } = await by().rotateKey(id, 1_000);
    for (const moment of [at, at + 999]) {
      now = moment;
      expect([(await request(secret))?.caller.keyId, (await request(fresh))?.caller.keyId]).toEqual([id, id]);
    }
    now = at + 1_000;
    expect([await request(secret), (await request(fresh))?.caller.keyId]).toEqual([undefined, id]);
  });

  it("lets it expire, it ends at its time", async () => {
    await by().changeKey(id, { expiresAt: at + 500 });
    now = at + 499;
    expect(await request(secret)).toBeDefined();
    now = at + 500;
    expect(await request(secret)).toBeUndefined();
  });
});

it("a budget begins anew with its period, and what was spent is in memory", async () => {
  const { key: secret, record } = await admin.createKey({ name: "daily", budgets: { day: 100 } });
  await store.ledger.add([row("r", { keyId: record.id, cost: 60 })]);
  expect(await request(secret)).toMatchObject({ left: [{ budgets: [{ spent: 60 }] }] });
  database.take();
  now = (calendarOf(at).day + 1) * 24 * 3_600_000;
  expect(await request(secret)).toMatchObject({ left: [{ budgets: [{ spent: 0 }] }] });
  expect(database.take()).toEqual([]);
});

it("a key that a real other process disables is refused", async () => {
  const { key: secret, record } = await admin.createKey({ name: "one" });
  expect(await request(secret)).toBeDefined();
  const open = JSON.stringify(pathToFileURL(join(import.meta.dirname, "../../src/store/open.ts")).href);
  const script = `const { openStore } = await import(${open});
    const store = await openStore(process.argv[1]);
    await store.keys.update(process.argv[2], { disabled: true });
    await store.close();`;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", script, folder, record.id]);
  expect(child.status).toBe(0);
  expect(await request(secret)).toBeUndefined();
});

it("the revision counts every change of a table that it watches but the time of the last use and what is spent", async () => {
  const raw = openSqlite(folder);
  const revision = async (): Promise<number> => Number((await raw.all("select number from revision"))[0]?.["number"]);
  const grows = async (sql: string): Promise<boolean> => {
    const before = await revision();
    expect(await raw.run(sql)).toBe(1);
    return (await revision()) > before;
  };
  try {
    await store.keys.insert(key("watched"));
    const columns = (await raw.all("select name from pragma_table_info('api_key')")).map((one) => String(one["name"]));
    for (const column of columns)
      expect([column, await grows(`update api_key set ${column} = ${column === "id" ? "'watched'" : 1}`)]).toEqual([
        column,
        column !== "last_used_at",
      ]);
    expect(await grows("insert into account (subject, day, day_cost) values ('key:x', 1, 1)")).toBe(false);
    expect(await grows("update account set day_cost = 2, total_cost = 2")).toBe(false);
    for (const column of ["balance", "budget", "budget_day", "budget_week", "budget_total"]) {
      expect([column, await grows(`update account set ${column} = 10`)]).toEqual([column, true]);
    }
    expect(await grows("update account set balance = balance - 3, total_cost = 5")).toBe(false);
    expect(await grows("update account set balance = null")).toBe(true);
    expect(await grows("delete from account")).toBe(true);
  } finally {
    await raw.close();
  }
});

/** One step: who does it, and what. */
type Step = (by: Store) => Promise<unknown>;
const names = ["a", "b", "c"];
const name = fc.constantFrom(...names);
const hash = fc.constantFrom("h1", "h2", "h3", "plain:h1");
const subject = fc.constantFrom(...names.map((one) => `key:${one}`), "organisation:o");
const keyChange: fc.Arbitrary<KeyChange> = fc.record(
  {
    disabled: fc.boolean(),
    hash,
    organisation: fc.constantFrom("o", "p", null),
    limits: fc.record({ streams: fc.nat(9) }),
  },
  { requiredKeys: [] },
);
const amount = fc.integer({ min: -50, max: 50 });
let rows = 0;
/** Steps that the database refuses (two keys with one hash) change nothing, and are not asked about. */
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(name, hash).map(
    ([id, of]): Step =>
      (by) =>
        by.keys.insert(key(id, { hash: of })),
  ),
  fc.tuple(name, keyChange).map(
    ([id, change]): Step =>
      (by) =>
        by.keys.update(id, change),
  ),
  fc.tuple(name, hash, fc.option(fc.nat(400))).map(
    ([id, of, overlap]): Step =>
      (by) =>
        by.keys.rotate(id, { hash: of, prefix: "p", oldSecretUntil: overlap === null ? null : now + overlap }),
  ),
  name.map(
    (id): Step =>
      (by) =>
        by.keys.delete(id),
  ),
  fc.record({ disabled: fc.boolean() }).map(
    (change): Step =>
      (by) =>
        by.organisations.update("o", change),
  ),
  fc.constant<Step>((by) => by.organisations.delete("o")),
  fc.constant<Step>((by) =>
    by.organisations.insert({ id: "o", name: "o", createdAt: 0, disabled: false, limits: {}, declared: false }),
  ),
  fc.tuple(subject, amount).map(
    ([of, by]): Step =>
      (store_) =>
        store_.accounts.credit(of, by),
  ),
  fc.tuple(subject, fc.option(amount), fc.constantFrom("day", "week", "month", "total"), fc.option(amount)).map(
    ([of, balance, period, budget]): Step =>
      (by) =>
        by.accounts.update(of, { balance, budgets: { [period]: budget } }),
  ),
  fc.tuple(subject, subject).map(
    ([from, to]): Step =>
      (by) =>
        by.accounts.rename(from, to),
  ),
  fc.tuple(name, amount).map(
    ([keyId, cost]): Step =>
      (by) =>
        by.ledger.add([row(`law-${(rows += 1)}`, { keyId, organisation: "o", cost: Math.abs(cost), at: now })]),
  ),
  fc.nat(300_000_000).map(
    (by): Step =>
      async () =>
        void (now += by),
  ),
);

it("whatever is changed by whom, memory and database answer the same", async () => {
  const truth = await sqlStore(uncached(openSqlite(folder)));
  const subjects = [...names.map((one) => `key:${one}`), "organisation:o"];
  const seen = async (by: Store): Promise<unknown> => ({
    held: await by.accounts.held(subjects),
    accounts: await by.accounts.read(subjects, now),
    keys: await Promise.all(
      ["h1", "h2", "h3"].map(async (one) => {
        const found = await by.keys.byHash(one, now, () => `plain:${one}`);
        // the time of the last use is no change
        return found && { ...found.key, lastUsedAt: null, of: found.organisation };
      }),
    ),
  });
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(step, fc.boolean()), { minLength: 5, maxLength: 25 }), async (steps) => {
        for (const [change, own] of steps) {
          await change(own ? store : other).catch(() => undefined);
          expect(await seen(store)).toEqual(await seen(truth));
        }
      }),
      { numRuns: 60 },
    );
  } finally {
    await truth.close();
  }
}, 60_000);
