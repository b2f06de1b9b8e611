/** What every store does, whatever is under it. */
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Period } from "../../src/model/account.ts";
import type { SqlDatabase } from "../../src/store/database.ts";
import { usageGroups } from "../../src/store/store.ts";
import type {
  KeyRecord,
  LedgerPlace,
  LedgerQuery,
  LedgerRow,
  OrganisationRecord,
  Store,
  UsageGroup,
  UsageQuery,
} from "../../src/store/store.ts";
import { textOf, wholeResponse, type WholeResponse } from "../support/stored-texts.ts";

export interface StoreUnderTest {
  /** Another opening of the same database, as a second process would have. */
  open(): Promise<Store>;
  /** Another connection to it. */
  database(): SqlDatabase;
  stop(): Promise<void>;
}

const at = Date.UTC(2026, 10, 20, 12);
const awkward = "带引号 \" ' ` \\ ; -- 🙂 %_? $1";

export function key(id: string, changes: Partial<KeyRecord> = {}): KeyRecord {
  return {
    id,
    name: `name of ${id}`,
    hash: `hash-${id}`,
    prefix: "sk-parley-0000",
    createdAt: at,
    disabled: false,
    owner: "",
    organisation: null,
    tags: [],
    models: null,
    ranges: null,
    limits: {},
    expiresAt: null,
    lastUsedAt: null,
    oldSecretUntil: null,
    declared: false,
    ...changes,
  };
}

export function row(id: string, changes: Partial<LedgerRow> = {}): LedgerRow {
  return {
    id,
    request: `request-${id}`,
    at,
    keyId: "k1",
    organisation: null,
    model: "MiniMax-M3",
    engine: "sim",
    tier: "standard",
    outcome: "stop",
    input: 100,
    cached: 40,
    output: 20,
    reasoning: 5,
    cost: 7,
    ...changes,
  };
}

function response(id: string, changes: Partial<WholeResponse> = {}): WholeResponse {
  return {
    id,
    owner: "k1",
    createdAt: at,
    expiresAt: Date.now() + 60_000,
    state: "done",
    previousId: null,
    version: 1,
    body: "{}",
    input: "[]",
    items: "[]",
    output: "",
    events: "[]",
    ...changes,
  };
}

const organisation = (id: string, changes: Partial<OrganisationRecord> = {}): OrganisationRecord => ({
  id,
  name: `name of ${id}`,
  createdAt: at,
  disabled: false,
  limits: {},
  declared: false,
  ...changes,
});

const noBudgets = { day: null, week: null, month: null, total: null };
const spentNow = (cost: number): Record<Period, number> => ({ day: cost, week: cost, month: cost, total: cost });

export function testStore(name: string, start: () => Promise<StoreUnderTest>): void {
  describe(`the store on ${name}`, () => {
    let under: StoreUnderTest;
    let store: Store;
    beforeAll(async () => {
      under = await start();
      store = await under.open();
    });
    afterAll(async () => {
      await store.close();
      await under.stop();
    });

    describe("keys", () => {
      it("keeps every field", async () => {
        const full = key("full", {
          name: awkward,
          owner: awkward,
          organisation: "o1",
          tags: ["a", awkward],
          models: ["MiniMax-M3"],
          ranges: ["10.0.0.0/8"],
          limits: { requestsPerMinute: 5, growth: 1.5 },
          expiresAt: at + 1,
          disabled: true,
        });
        await store.keys.insert(full);
        expect(await store.keys.get("full")).toEqual(full);
        expect((await store.keys.byHash("hash-full", at))?.key).toEqual(full);
        expect(await store.keys.list()).toContainEqual(full);
      });

      it("finds a key with its organisation", async () => {
        await store.organisations.insert(organisation("o2", { limits: { streams: 3 }, name: awkward }));
        await store.keys.insert(key("joined", { organisation: "o2" }));
        const found = await store.keys.byHash("hash-joined", at);
        expect(found?.organisation).toEqual(organisation("o2", { limits: { streams: 3 }, name: awkward }));
        await store.keys.insert(key("alone"));
        expect((await store.keys.byHash("hash-alone", at))?.organisation).toBeUndefined();
      });

      it("changes and deletes", async () => {
        await store.keys.insert(key("changing"));
        const change = { name: "new", disabled: true, hash: "other" };
        const changed = key("changing", change);
        expect(await store.keys.update("changing", change)).toBe(true);
        expect(await store.keys.update("changing", {})).toBe(true);
        expect(await store.keys.byHash("hash-changing", at)).toBeUndefined();
        expect((await store.keys.byHash("other", at))?.key).toEqual(changed);
        expect([await store.keys.delete("changing"), await store.keys.delete("changing")]).toEqual([true, false]);
        expect(await store.keys.update("changing", change)).toBe(false);
        expect(await store.keys.get("changing")).toBeUndefined();
      });

      it("keeps two changes at once", async () => {
        await store.keys.insert(key("both", { tags: ["a"], models: ["m"], expiresAt: 5 }));
        await Promise.all([
          store.keys.update("both", { disabled: true }),
          store.keys.update("both", { name: "new", models: null, ranges: [], limits: { streams: 2 } }),
          store.keys.update("both", { expiresAt: null, tags: ["b"], owner: "o", organisation: "x", prefix: "p" }),
        ]);
        const both = { disabled: true, name: "new", ranges: [], limits: { streams: 2 }, tags: ["b"], owner: "o" };
        expect(await store.keys.get("both")).toEqual(key("both", { ...both, organisation: "x", prefix: "p" }));
      });

      it("keeps the secrets of a key that was rotated until their time, and ends them with it", async () => {
        await store.keys.insert(key("rotated"));
        const found = async (hash: string, moment: number): Promise<string | undefined> =>
          (await store.keys.byHash(hash, moment))?.key.id;
        const second = { hash: "second-secret", prefix: "p2", oldSecretUntil: at + 100 };
        expect(await store.keys.rotate("rotated", second)).toBe(true);
        expect(await store.keys.get("rotated")).toEqual(key("rotated", second));
        expect([await found("hash-rotated", at + 99), await found("hash-rotated", at + 100)]).toEqual([
          "rotated",
          undefined,
        ]);
        expect(await found("second-secret", at + 500)).toBe("rotated");
        await store.keys.rotate("rotated", { hash: "third-secret", prefix: "p3", oldSecretUntil: at + 50 });
        expect([await found("hash-rotated", at + 60), await found("second-secret", at + 60)]).toEqual([
          "rotated",
          undefined,
        ]);
        await store.keys.rotate("rotated", { hash: "fourth-secret", prefix: "p4", oldSecretUntil: null });
        for (const hash of ["hash-rotated", "second-secret", "third-secret"])
          expect(await found(hash, at)).toBeUndefined();
        await store.keys.rotate("rotated", { hash: "fifth-secret", prefix: "p5", oldSecretUntil: at + 100 });
        await store.keys.delete("rotated");
        expect([await found("fourth-secret", at), await found("fifth-secret", at)]).toEqual([undefined, undefined]);
        expect(await store.keys.rotate("rotated", second)).toBe(false);
      });

      it("refuses a second key with one hash or one id", async () => {
        await store.keys.insert(key("one"));
        await expect(store.keys.insert(key("two", { hash: "hash-one" }))).rejects.toThrow();
        await expect(store.keys.insert(key("one", { hash: "fresh" }))).rejects.toThrow();
      });
    });

    describe("organisations", () => {
      it("leaves the keys of a deleted one without", async () => {
        await store.organisations.insert(organisation("o3"));
        await store.keys.insert(key("of-o3", { organisation: "o3" }));
        expect(await store.organisations.update("o3", { name: "n", disabled: true })).toBe(true);
        expect(await store.organisations.get("o3")).toEqual(organisation("o3", { name: "n", disabled: true }));
        expect(await store.organisations.delete("o3")).toBe(true);
        expect(await store.organisations.delete("o3")).toBe(false);
        expect((await store.keys.get("of-o3"))?.organisation).toBeNull();
      });
    });

    describe("accounts", () => {
      it("tells nothing set and nothing spent of a stranger", async () => {
        const none = { subject: "key:stranger", balance: null, budgets: noBudgets, spent: spentNow(0) };
        expect(await store.accounts.read(["key:stranger"], at)).toEqual([none]);
        expect(await store.accounts.read([], at)).toEqual([]);
      });

      it("keeps balance and budget apart", async () => {
        expect(await store.accounts.credit("key:a", 500)).toBe(500);
        expect(await store.accounts.credit("key:a", -100)).toBe(400);
        await store.accounts.update("key:a", { budgets: { week: 9_000_000_000_000 } });
        const [read] = await store.accounts.read(["key:a"], at);
        expect(read).toEqual({
          subject: "key:a",
          balance: 400,
          budgets: { ...noBudgets, week: 9_000_000_000_000 },
          spent: spentNow(0),
        });
        expect(await store.accounts.list(at)).toContainEqual(read);
        await store.accounts.update("key:a", {});
        expect(await store.accounts.read(["key:a"], at)).toEqual([read]);
        await store.accounts.update("key:b", { balance: 3, budgets: { day: 1, month: 4, total: 9 } });
        expect(await store.accounts.read(["key:b"], at)).toMatchObject([
          { balance: 3, budgets: { day: 1, week: null, month: 4, total: 9 } },
        ]);
        await store.accounts.update("key:a", { balance: null });
        await store.accounts.update("key:a", { budgets: { week: null } });
        expect((await store.accounts.list(at)).map(({ subject }) => subject)).not.toContain("key:a");
      });
    });

    it("an account is renamed with what it spent, unless the new name has its own", async () => {
      await store.accounts.update("key:from", { balance: 100, budgets: { month: 300 } });
      await store.ledger.add([row("renamed", { keyId: "from", cost: 40, at: at - 1_000 })]);
      await store.accounts.rename("key:from", "key:to");
      await store.accounts.rename("key:from", "key:to");
      await store.accounts.rename("key:to", "key:to");
      expect(await store.accounts.read(["key:from", "key:to"], at)).toEqual([
        { subject: "key:from", balance: null, budgets: noBudgets, spent: spentNow(0) },
        { subject: "key:to", balance: 60, budgets: { ...noBudgets, month: 300 }, spent: spentNow(40) },
      ]);
      await store.accounts.update("key:from", { balance: 1 });
      await store.accounts.rename("key:from", "key:to");
      expect(await store.accounts.read(["key:to"], at)).toMatchObject([{ balance: 60 }]);
    });

    describe("the ledger", () => {
      beforeEach(async () => {
        for (const id of ["k1", "k2"]) await store.keys.delete(id);
        await store.keys.insert(key("k1"));
        await store.keys.insert(key("k2"));
      });

      it("keeps rows, charges accounts and notes the use, once", async () => {
        await store.accounts.update("key:k1", { balance: 1_000 });
        await store.accounts.update("organisation:o9", { balance: 50 });
        const rows = [row("r1"), row("r2", { organisation: "o9", cost: 60 }), row("r3", { keyId: "k2", at: at + 5 })];
        await store.ledger.add(rows);
        await store.ledger.add(rows);
        await store.ledger.add([]);
        expect(await store.accounts.read(["organisation:o9", "key:k1", "key:k2"], at)).toEqual([
          { subject: "organisation:o9", balance: -10, budgets: noBudgets, spent: spentNow(60) },
          { subject: "key:k1", balance: 933, budgets: noBudgets, spent: spentNow(67) },
          { subject: "key:k2", balance: null, budgets: noBudgets, spent: spentNow(7) },
        ]);
        expect(await store.accounts.read(["key:k1"], Date.UTC(2026, 11, 20))).toMatchObject([
          { balance: 933, spent: { day: 0, week: 0, month: 0, total: 67 } },
        ]);
        expect([(await store.keys.get("k1"))?.lastUsedAt, (await store.keys.get("k2"))?.lastUsedAt]).toEqual([
          at,
          at + 5,
        ]);
        expect((await store.ledger.list({ limit: 2 })).map(({ id }) => id)).toEqual(["r3", "r2"]);
        const named = { keyName: "name of k1", organisationName: null };
        expect(await store.ledger.list({ limit: 3 })).toEqual([
          { ...rows[2], ...named, keyName: "name of k2" },
          { ...rows[1], ...named },
          { ...rows[0], ...named },
        ]);
      });

      it("counts what is spent by day, week from Monday, month and in total", async () => {
        const spent = async (moment: number): Promise<unknown> =>
          (await store.accounts.read(["key:periods"], moment))[0]?.spent;
        const book = (id: string, moment: number, cost: number): Promise<void> =>
          store.ledger.add([row(id, { keyId: "periods", at: moment, cost })]);
        const hour = (month: number, date: number, hours = 12): number => Date.UTC(2026, month, date, hours);
        // Friday, Sunday and Monday: 27, 29 and 30 November 2026; Tuesday, 1 December
        await store.ledger.add([
          row("d1", { keyId: "periods", at: hour(10, 27), cost: 1 }),
          row("d2", { keyId: "periods", at: hour(10, 29, 23), cost: 10 }),
          row("d3", { keyId: "periods", at: hour(10, 29, 22), cost: 5 }),
        ]);
        expect(await spent(hour(10, 29))).toEqual({ day: 15, week: 16, month: 16, total: 16 });
        expect(await spent(hour(10, 28))).toEqual({ day: 0, week: 16, month: 16, total: 16 });
        await book("d4", hour(10, 30, 0), 100);
        expect(await spent(hour(10, 30))).toEqual({ day: 100, week: 100, month: 116, total: 116 });
        await book("d5", hour(11, 1), 1_000);
        // a row that comes late counts where its period still runs
        await book("d6", hour(10, 30, 23), 20_000);
        expect(await spent(hour(11, 1))).toEqual({ day: 1_000, week: 21_100, month: 1_000, total: 21_116 });
        expect(await spent(hour(11, 8))).toEqual({ day: 0, week: 0, month: 1_000, total: 21_116 });
      });

      it("keeps large batches whole", async () => {
        const many = Array.from({ length: 1_203 }, (_, index) => row(`many-${index}`, { model: "large", cost: 1 }));
        await store.ledger.add(many);
        const [large] = await store.ledger.usage({ by: ["model"], model: "large" });
        expect(large).toMatchObject({ group: "large", requests: 1_203, input: 120_300, cost: 1_203 });
      });

      it("takes all of a batch or nothing", async () => {
        await expect(
          store.ledger.add([row("half-1", { model: "half" }), row("half-2", { outcome: null as unknown as string })]),
        ).rejects.toThrow();
        expect(await store.ledger.usage({ by: ["model"], model: "half" })).toEqual([]);
      });

      it("books each row once, in whatever batches it comes", async () => {
        const [first, second, third] = ["once-1", "once-2", "once-3"].map((id) => row(id, { keyId: "once", cost: 5 }));
        if (first === undefined || second === undefined || third === undefined) throw new Error("three rows");
        await store.ledger.add([first, second]);
        await store.ledger.add([second, third, third]);
        expect(await store.accounts.read(["key:once"], at)).toMatchObject([{ spent: spentNow(15) }]);
        expect(await store.ledger.usage({ by: ["key"], keyId: "once" })).toMatchObject([{ requests: 3, cost: 15 }]);
      });

      it("reports by key, organisation, model and day", async () => {
        const model = "reported";
        await store.ledger.add([
          row("u1", { model }),
          row("u2", { model, outcome: "canceled", organisation: "gone" }),
          row("u3", { model, outcome: "upstream", keyId: "k2", at: at + 86_400_000, cost: 2 ** 45 }),
        ]);
        const base = { requests: 1, failed: 0, canceled: 0, input: 100, cached: 40, output: 20, reasoning: 5, cost: 7 };
        const twice = {
          requests: 2,
          failed: 0,
          canceled: 1,
          input: 200,
          cached: 80,
          output: 40,
          reasoning: 10,
          cost: 14,
        };
        const later = { ...base, failed: 1, cost: 2 ** 45 };
        expect(await store.ledger.usage({ by: ["key"], model })).toEqual([
          { group: "k1", name: "name of k1", ...twice },
          { group: "k2", name: "name of k2", ...later },
        ]);
        expect(await store.ledger.usage({ by: ["day"], model })).toEqual([
          { group: "2026-11-20", name: "2026-11-20", ...twice },
          { group: "2026-11-21", name: "2026-11-21", ...later },
        ]);
        expect(await store.ledger.usage({ by: ["organisation"], model, organisation: "gone" })).toEqual([
          { group: "gone", name: "gone", ...base, canceled: 1 },
        ]);
        expect(await store.ledger.usage({ by: ["model"], model, to: at + 1 })).toMatchObject([{ requests: 2 }]);
        expect(await store.ledger.usage({ by: ["model"], model, from: at + 1, keyId: "k2" })).toMatchObject([
          { requests: 1 },
        ]);
        expect(await store.ledger.usage({ by: ["model"], model, from: at + 1, keyId: "k1" })).toEqual([]);
      });

      const group = async (by: UsageQuery["by"], model: string): Promise<(string | number)[][]> =>
        (await store.ledger.usage({ by, model })).map(({ name, second, cost }) =>
          second === undefined ? [name, cost] : [name, second.name, cost],
        );

      it("reports keep the names, owners and tags of keys and organisations that were deleted", async () => {
        const model = "named";
        await store.organisations.insert(organisation("o-gone", { name: awkward }));
        await store.keys.insert(key("k-gone", { name: awkward, owner: "anna", tags: ["a"], organisation: "o-gone" }));
        await store.ledger.add([row("n1", { model, keyId: "k-gone", organisation: "o-gone" })]);
        expect([await store.keys.delete("k-gone"), await store.keys.delete("k-gone")]).toEqual([true, false]);
        expect(await store.organisations.delete("o-gone")).toBe(true);
        expect(await group(["key"], model)).toEqual([[awkward, 7]]);
        expect(await group(["organisation"], model)).toEqual([[awkward, 7]]);
        expect(await group(["owner", "tag"], model)).toEqual([["anna", "a", 7]]);
        const named = { keyId: "k-gone", keyName: awkward, organisationName: awkward };
        expect(await store.ledger.list({ request: "request-n1", limit: 5 })).toMatchObject([named]);
      });

      it("reports by every group and by two, each with the sums of its rows", async () => {
        const model = "grouped";
        await store.organisations.insert(organisation("o-g", { name: "org" }));
        await store.keys.insert(key("k-a", { owner: "anna", tags: ["x", "y", "x"], organisation: "o-g" }));
        await store.keys.insert(key("k-b", { owner: "anna" }));
        await store.ledger.add([
          row("g1", { model, keyId: "k-a", organisation: "o-g", cost: 1 }),
          row("g2", { model, keyId: "k-a", organisation: "o-g", cost: 10, engine: "other", at: at + 3_600_000 }),
          row("g3", { model, keyId: "k-b", cost: 100 }),
          row("g4", { model, keyId: "static-0123", cost: 1_000, at: at + 24 * 3_600_000 }),
        ]);
        const expected: Partial<Record<UsageGroup, (string | number)[][]>> = {
          key: [
            ["name of k-a", 11],
            ["name of k-b", 100],
            ["static-0123", 1_000],
          ],
          owner: [
            ["", 1_000],
            ["anna", 111],
          ],
          tag: [
            ["", 1_100],
            ["x", 11],
            ["y", 11],
          ],
          organisation: [
            ["", 1_100],
            ["org", 11],
          ],
          engine: [
            ["other", 10],
            ["sim", 1_101],
          ],
          day: [
            ["2026-11-20", 111],
            ["2026-11-21", 1_000],
          ],
          hour: [
            ["2026-11-20T12:00Z", 101],
            ["2026-11-20T13:00Z", 10],
            ["2026-11-21T12:00Z", 1_000],
          ],
        };
        for (const [by, rows] of Object.entries(expected))
          expect([by, await group([by as UsageGroup], model)]).toEqual([by, rows]);
        expect(await group(["organisation", "engine"], model)).toEqual([
          ["", "sim", 1_100],
          ["org", "other", 10],
          ["org", "sim", 1],
        ]);
        for (const first of usageGroups) {
          for (const second of usageGroups.filter((one) => one !== first && one !== "tag" && first !== "tag")) {
            const costs = (await group([first, second], model)).map((line) => Number(line[2]));
            expect([first, second, costs.reduce((sum, cost) => sum + cost, 0)]).toEqual([first, second, 1_111]);
          }
        }
        expect(await store.ledger.usage({ by: ["key"], model, engine: "other" })).toMatchObject([
          { group: "k-a", cost: 10 },
        ]);
      });

      it("lists what is asked for, page by page", async () => {
        const model = "paged";
        const rows = Array.from({ length: 7 }, (_, index) =>
          // rows of one moment are told apart by their ids
          row(`p${index}`, { model, at: at + Math.floor(index / 3), outcome: index === 4 ? "upstream" : "stop" }),
        );
        await store.ledger.add(rows);
        const seen: string[] = [];
        for (let after: LedgerPlace | undefined; ;) {
          const page = await store.ledger.list({ model, limit: 2, ...(after !== undefined && { after }) });
          seen.push(...page.map(({ id }) => id));
          after = page.at(-1);
          if (page.length < 2) break;
        }
        expect(seen).toEqual(["p6", "p5", "p4", "p3", "p2", "p1", "p0"]);
        const ids = async (query: Partial<LedgerQuery>): Promise<string[]> =>
          (await store.ledger.list({ model, limit: 10, ...query })).map(({ id }) => id);
        expect(await ids({ outcome: "upstream" })).toEqual(["p4"]);
        expect(await ids({ from: at + 1, to: at + 2 })).toEqual(["p5", "p4", "p3"]);
        expect(await ids({ request: "request-p2" })).toEqual(["p2"]);
        expect(await ids({ keyId: "k2" })).toEqual([]);
        expect(await ids({ engine: "sim", keyId: "k1", outcome: "stop", limit: 1 })).toEqual(["p6"]);
      });

      it("deletes old rows and keeps their sums", async () => {
        const model = "swept";
        const old = Date.UTC(2020, 0, 5, 7, 30);
        const rows = Array.from({ length: 9 }, (_, index) =>
          row(`s${index}`, {
            model,
            at: old + index * 1_200_000,
            organisation: index % 2 === 0 ? "o2" : null,
            outcome: index === 0 ? "canceled" : index === 1 ? "upstream" : "length",
            cost: 2 ** index,
          }),
        );
        await store.ledger.add(rows);
        const reports = async (): Promise<unknown> =>
          Promise.all(usageGroups.map((by) => store.ledger.usage({ by: [by], model })));
        const before = await reports();
        expect(await store.ledger.sweep(old, 100)).toBe(0);
        expect(await store.ledger.sweep(old + 8 * 1_200_000, 5)).toBe(5);
        expect(await store.ledger.sweep(old + 8 * 1_200_000, 5)).toBe(3);
        expect((await store.ledger.list({ model, limit: 10 })).map(({ id }) => id)).toEqual(["s8"]);
        expect(await reports()).toEqual(before);
        expect(
          await store.ledger.usage({ by: ["hour"], model, from: old + 3_600_000, to: old + 7_200_000 }),
        ).toMatchObject([{ group: "2020-01-05T09:00Z", requests: 3 }]);
        expect(await store.accounts.read(["key:k1"], old)).toMatchObject([{ spent: { day: 0, month: 0 } }]);
      });
    });

    describe("responses", () => {
      const pieceCount = async (): Promise<number> => {
        const database = under.database();
        const [row] = await database.all("select count(*) as count from response_piece");
        await database.close();
        return Number(row?.["count"]);
      };

      it("of an older version are read as they stand, however long they are", async () => {
        const database = under.database();
        const body = JSON.stringify({ text: "a".repeat(200_000) });
        await database.run(
          `insert into response (id, owner, created_at, expires_at, state, body, input, items, events)
            values ('older', 'k1', 1, ?, 'done', ?, '[]', '[]', '[]')`,
          [Date.now() + 60_000, body],
        );
        await database.close();
        const found = await wholeResponse(await store.responses.get("older", "k1"));
        expect(found).toMatchObject({ version: 0, body, output: "" });
        expect(await store.responses.delete("older", "k1")).toBe(true);
      });

      it("are counted for their owner, with the bytes of their texts, whatever becomes of them", async () => {
        const usage = (): Promise<unknown> => store.responses.usage("counted");
        expect(await usage()).toEqual({ count: 0, bytes: 0 });
        const one = response("one", { owner: "counted", state: "running", body: "{}", input: '["é"]' });
        await store.responses.save(one);
        expect(await usage()).toEqual({ count: 1, bytes: 12 });
        await store.responses.end({ ...one, body: '{"a":1}', output: "[1,2]" });
        await store.responses.save(response("two", { owner: "counted", expiresAt: 7 }));
        await store.responses.save(response("two", { owner: "counted", expiresAt: 7, body: '{"b":22}' }));
        expect(await usage()).toEqual({ count: 2, bytes: 22 + 14 });
        expect(await store.responses.usage("k1")).not.toEqual(await usage());
        await store.responses.expire(7);
        expect(await usage()).toEqual({ count: 1, bytes: 22 });
        const remembered = { owner: "counted", state: "remembered" } as const;
        for (const [at, id] of ["b", "a", "c"].entries()) {
          await store.responses.save(response(id, { ...remembered, createdAt: at }));
        }
        await store.responses.save(response("other", { state: "remembered" }));
        expect(await store.responses.get("a", "counted")).toMatchObject({ state: "remembered" });
        expect(await store.responses.forgetOldest("counted", 2)).toBe(2);
        expect(await store.responses.get("a", "counted")).toBeUndefined();
        expect(await store.responses.get("c", "counted")).toMatchObject({ state: "remembered" });
        expect(await store.responses.forgetOldest("counted", 2)).toBe(1);
        expect(await store.responses.forgetOldest("counted", 2)).toBe(0);
        expect(await store.responses.get("other", "k1")).toMatchObject({ state: "remembered" });
        expect(await store.responses.delete("other", "k1")).toBe(true);
        expect(await usage()).toEqual({ count: 1, bytes: 22 });
        await store.responses.delete("one", "counted");
        expect(await usage()).toEqual({ count: 0, bytes: 0 });
      });

      it("shows a response to its owner only, until it expires", async () => {
        const saved = response("answer", {
          body: JSON.stringify({ text: `${awkward}\u0000\ud800` }),
          previousId: "before",
        });
        await store.responses.save({ ...saved, state: "running", body: "{}" });
        await store.responses.end(saved);
        expect(await wholeResponse(await store.responses.get("answer", "k1"))).toEqual(saved);
        const part = await wholeResponse(await store.responses.get("answer", "k1", ["body"]));
        expect(part).toEqual({ ...saved, input: "", items: "", events: "" });
        expect(await store.responses.get("answer", "k2")).toBeUndefined();
        expect(await store.responses.get("answer\u0000", "k1")).toBeUndefined();
        expect(await store.responses.delete("answer", "k2")).toBe(false);
        expect(await store.responses.delete("answer", "k1")).toBe(true);
        await store.responses.end(saved);
        expect(await store.responses.get("answer", "k1")).toBeUndefined();
        await store.responses.save(response("old", { expiresAt: 5 }));
        expect(await store.responses.get("old", "k1")).toBeUndefined();
        expect(await store.responses.expire(5)).toBe(1);
      });

      it("knows what a process that is gone left undone, and leaves alone what is worked on", async () => {
        const other = await under.open();
        await other.responses.save(response("undone", { state: "running", body: "before" }));
        await other.responses.save(response("ended", { state: "running" }));
        await other.responses.save(response("ended"));
        expect(await other.responses.orphans()).toEqual([]);
        expect(await store.responses.orphans()).toEqual([]);
        await other.close();
        await store.responses.save(response("mine", { state: "running" }));
        expect(await store.responses.orphans()).toEqual(["undone"]);
        expect(await store.responses.endOrphan("undone", async (body) => [await textOf(body), " and after"])).toBe(
          true,
        );
        expect(await wholeResponse(await store.responses.get("undone", "k1"))).toMatchObject({
          state: "done",
          body: "before and after",
        });
        expect(await store.responses.orphans()).toEqual([]);
        for (const over of ["undone", "ended", "unknown"]) {
          expect(await store.responses.endOrphan(over, async () => ["late"])).toBe(false);
        }
      });

      it("keeps texts of a million characters byte by byte, a piece at a time", async () => {
        const long = (end: string): string => JSON.stringify({ text: `${"字🙂a".repeat(250_000)}${end}` });
        const pieces = async function* (text: string): AsyncGenerator<string> {
          for (let from = 0; from < text.length; from += 1_000) yield text.slice(from, from + 1_000);
        };
        const begun = { ...response("long", { owner: "large", state: "running" }), body: long("1"), input: long("2") };
        await store.responses.save({ ...begun, items: pieces(long("3")) });
        const ended = { id: "long", expiresAt: begun.expiresAt, body: long("4"), output: long("5"), events: long("6") };
        await store.responses.end(ended);
        const record = (await store.responses.get("long", "large")) ?? expect.fail("not found");
        const expected = { ...begun, ...ended, state: "done", items: long("3") };
        expect(isDeepStrictEqual(await wholeResponse(record), expected)).toBe(true);
        // emoji stay whole, and no piece is long
        for await (const chunk of record.body.chunks()) expect(chunk.toString().length).toBeLessThanOrEqual(65_537);
        expect(record.body.memoryBytes).toBeGreaterThan(2 * 1_000_000);
        const bytes = [ended.body, begun.input, long("3"), ended.output, ended.events].map((one) =>
          Buffer.byteLength(one),
        );
        expect(await store.responses.usage("large")).toEqual({
          count: 1,
          bytes: bytes.reduce((sum, one) => sum + one),
        });
        expect(await store.responses.delete("long", "large")).toBe(true);
        await expect(textOf(record.input)).rejects.toMatchObject({ kind: "unavailable" });
        expect(await pieceCount()).toBe(0);
        await store.responses.save({ ...begun, expiresAt: 5 });
        expect(await pieceCount()).toBeGreaterThan(20);
        await store.responses.expire(5);
        expect(await pieceCount()).toBe(0);
      });

      it("leaves nothing of a text that could not be written as a whole", async () => {
        const broken = async function* (): AsyncGenerator<string> {
          yield "1".repeat(70_000);
          yield "2".repeat(70_000);
          throw new Error("it broke off");
        };
        await expect(
          store.responses.save({ ...response("half"), body: "x".repeat(200_000), items: broken() }),
        ).rejects.toThrow("it broke off");
        expect(await store.responses.get("half", "k1")).toBeUndefined();
        expect(await pieceCount()).toBe(0);
      });
    });

    describe("two processes on one store", () => {
      it("agree on a secret", async () => {
        const others = await Promise.all(Array.from({ length: 4 }, () => under.open()));
        try {
          const values = await Promise.all(
            others.map((other, index) => other.settings.setOnce("agreed", `value ${index}`)),
          );
          expect(new Set(values).size).toBe(1);
          expect(await store.settings.get("agreed")).toBe(values[0]);
          expect(await store.settings.get("nothing")).toBeUndefined();
        } finally {
          for (const other of others) await other.close();
        }
      });

      it("lose no charge", async () => {
        const others = await Promise.all([under.open(), under.open()]);
        try {
          await store.accounts.update("key:shared", { balance: 10_000 });
          await store.accounts.update("organisation:shared", { balance: 10_000 });
          const changes = { model: "shared", keyId: "shared", organisation: "shared", cost: 3 };
          const adds = others.flatMap((other, process) =>
            Array.from({ length: 20 }, (_, batch) =>
              other.ledger.add(
                Array.from({ length: 5 }, (_each, index) => row(`s-${process}-${batch}-${index}`, changes)),
              ),
            ),
          );
          await Promise.all(adds);
          const accounts = await store.accounts.read(["key:shared", "organisation:shared"], at);
          expect(accounts.map(({ balance, spent }) => [balance, spent.total])).toEqual([
            [9_400, 600],
            [9_400, 600],
          ]);
          expect(await store.ledger.usage({ by: ["model"], model: "shared" })).toMatchObject([
            { requests: 200, cost: 600 },
          ]);
        } finally {
          for (const other of others) await other.close();
        }
      });

      it("sees at once what another changed", async () => {
        const other = await under.open();
        try {
          await store.keys.insert(key("seen"));
          await other.keys.update("seen", { disabled: true });
          expect((await store.keys.byHash("hash-seen", at))?.key.disabled).toBe(true);
        } finally {
          await other.close();
        }
      });

      it("sees what another changed of what was read before", async () => {
        const other = await under.open();
        try {
          await store.keys.insert(key("kept"));
          const look = async (): Promise<unknown> => [
            (await store.keys.byHash("hash-kept", at))?.key.limits,
            await store.accounts.held(["key:kept", "key:free"]),
          ];
          // with PostgreSQL a process listens from its first look on
          for (let times = 0; times < 20; times += 1) {
            expect(await look()).toEqual([{}, []]);
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
          await other.keys.update("kept", { limits: { streams: 1 } });
          await other.accounts.credit("key:kept", 5);
          await expect.poll(look, { timeout: 500, interval: 1 }).toEqual([{ streams: 1 }, ["key:kept"]]);
        } finally {
          await other.close();
        }
      });
    });
  });
}
