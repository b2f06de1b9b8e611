import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatSubject } from "../../src/model/account.ts";
import { systemIds } from "../../src/model/id.ts";
import { staticKeyId } from "../../src/policy/authenticate.ts";
import { keyView, openAdmin, usageCsv, type AdminService } from "../../src/service/admin.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";

const start = Date.UTC(2026, 10, 20);
let now = start;
let store: Store;
let admin: AdminService;
beforeEach(async () => {
  now = start;
  store = await openStore();
  admin = await openAdmin(store, { ...systemIds, now: () => now }, { staticKeys: ["sk-static"] });
});
afterEach(() => store.close());

const caller = async (key: string): Promise<unknown> => (await admin.lookup(admin.hash(key)))?.caller;

describe("keys", () => {
  it("are told once, kept as hash and found again", async () => {
    const { key, record } = await admin.createKey({ name: "one" });
    expect(key).toMatch(/^sk-parley-[0-9a-f]{40}$/);
    expect(JSON.stringify(await store.keys.list())).not.toContain(key);
    expect(key.startsWith(record.prefix)).toBe(true);
    expect(await caller(key)).toEqual({ keyId: record.id, name: "one", limits: {} });
    expect(await caller(`${key}0`)).toBeUndefined();
    expect(JSON.stringify(keyView(record))).not.toContain(record.hash);
  });

  it("keep their secret from one opening to the next", async () => {
    const { key, record } = await admin.createKey({ name: "one" });
    const again = await openAdmin(store, systemIds);
    expect((await again.lookup(again.hash(key)))?.caller.keyId).toBe(record.id);
  });

  it("carry what they may do", async () => {
    const organisation = await admin.createOrganisation({ name: "team", limits: { streams: 2 } });
    const input = { models: ["MiniMax-M3"], ranges: ["10.0.0.0/8"], limits: { requestsPerMinute: 3 } };
    const { key, record } = await admin.createKey({ name: "one", organisation: organisation.id, ...input });
    expect(await admin.lookup(admin.hash(key))).toEqual({
      caller: {
        keyId: record.id,
        name: "one",
        limits: { requestsPerMinute: 3 },
        models: ["MiniMax-M3"],
        organisation: organisation.id,
        organisationLimits: { streams: 2 },
      },
      ranges: ["10.0.0.0/8"],
    });
    await admin.changeOrganisation("team", { disabled: true });
    expect(await caller(key)).toBeUndefined();
    await admin.deleteOrganisation("team");
    expect(await caller(key)).toEqual({
      keyId: record.id,
      name: "one",
      limits: { requestsPerMinute: 3 },
      models: ["MiniMax-M3"],
    });
  });

  it("stop with disable and with their time, and go on with enable", async () => {
    const { key, record } = await admin.createKey({ name: "one", expiresAt: start + 1_000 });
    await admin.changeKey("one", { disabled: true });
    expect(await caller(key)).toBeUndefined();
    await admin.changeKey(record.id, { disabled: false });
    now = start + 999;
    expect(await caller(key)).toBeDefined();
    now = start + 1_000;
    expect(await caller(key)).toBeUndefined();
    await admin.changeKey("one", { expiresAt: null });
    expect(await caller(key)).toBeDefined();
  });

  it("rotate: the new one works, the old one does not, the rest stays", async () => {
    const { key, record } = await admin.createKey({ name: "one", tags: ["a"] });
    const next = await admin.rotateKey("one");
    expect(next.key).not.toBe(key);
    expect(await caller(key)).toBeUndefined();
    expect(await caller(next.key)).toMatchObject({ keyId: record.id });
    expect(next.record).toMatchObject({ id: record.id, tags: ["a"] });
  });

  it("rotate with an overlap: the old one works until its time, unless it is rotated without one", async () => {
    const { key } = await admin.createKey({ name: "one" });
    const second = await admin.rotateKey("one", 3_600_000);
    expect(second.record.oldSecretUntil).toBe(start + 3_600_000);
    now = start + 3_599_999;
    for (const one of [key, second.key]) expect(await caller(one)).toMatchObject({ name: "one" });
    now = start + 3_600_000;
    expect([await caller(key), await caller(second.key)]).toEqual([undefined, expect.anything()]);
    const third = await admin.rotateKey("one", 3_600_000);
    await admin.changeKey("one", { disabled: true });
    expect(await caller(second.key)).toBeUndefined();
    await admin.changeKey("one", { disabled: false });
    expect(await caller(second.key)).toBeDefined();
    const fourth = await admin.rotateKey("one");
    expect(await Promise.all([second, third, fourth].map((one) => caller(one.key)))).toEqual([
      undefined,
      undefined,
      expect.anything(),
    ]);
  });

  it("take an organisation by name, a budget, and names that nobody has yet", async () => {
    const team = await admin.createOrganisation({ name: "team" });
    const { record } = await admin.createKey({ name: "one", organisation: "team", budgets: { day: 5 } });
    expect(record.organisation).toBe(team.id);
    expect((await admin.money.get({ kind: "key", id: record.id })).ownBudgets).toMatchObject({ day: 5, month: null });
    const { record: two } = await admin.createKey({ name: "two", tags: ["t"] });
    expect((await admin.keysOf({ organisation: "team" })).map(({ name }) => name)).toEqual(["one"]);
    expect((await admin.keysOf({ tag: "t" })).map(({ name }) => name)).toEqual(["two"]);
    await expect(admin.createKey({ name: "one" })).rejects.toMatchObject({ kind: "invalid", param: "name" });
    await expect(admin.changeKey("two", { name: "one" })).rejects.toMatchObject({ kind: "invalid", param: "name" });
    await expect(admin.createOrganisation({ name: "team" })).rejects.toMatchObject({ kind: "invalid", param: "name" });
    const other = await admin.createOrganisation({ name: "other" });
    await expect(admin.changeOrganisation(other.id, { name: "team" })).rejects.toMatchObject({ param: "name" });
    expect(await admin.changeKey(two.id, { name: "two", organisation: "other" })).toMatchObject({
      organisation: other.id,
    });
    await expect(admin.changeKey("two", { expiresAt: start })).rejects.toMatchObject({ param: "expiresAt" });
  });

  it("are found by id or by a name that is theirs alone", async () => {
    const { record } = await admin.createKey({ name: "twin" });
    const other = await admin.createKey({ name: "other" });
    // earlier versions let two keys have one name
    await store.keys.update(other.record.id, { name: "twin" });
    expect(await admin.key(record.id)).toEqual(record);
    await expect(admin.key("twin")).rejects.toMatchObject({ kind: "invalid" });
    await expect(admin.key("nobody")).rejects.toMatchObject({ kind: "not-found" });
    await admin.deleteKey(record.id);
    expect(await admin.keys()).toHaveLength(1);
    await expect(admin.deleteKey(record.id)).rejects.toMatchObject({ kind: "not-found" });
  });

  it("are made at the first start only", async () => {
    expect((await admin.createFirstKey())?.record.name).toBe("first");
    expect(await admin.createFirstKey()).toBeUndefined();
  });

  it.each([
    [{ name: " " }, "name"],
    [{ name: "x".repeat(201) }, "name"],
    [{ name: "a\u0000b" }, "name"],
    [{ name: "a", owner: "x".repeat(201) }, "owner"],
    [{ name: "a", ranges: ["10.0.0.0/8", "10.0.0.0/99"] }, "ranges[1]"],
    [{ name: "a", models: [""] }, "models[0]"],
    [{ name: "a", tags: Array.from({ length: 201 }, () => "t") }, "tags"],
    [{ name: "a", limits: { streams: 1.5 } }, "limits.streams"],
    [{ name: "a", limits: { requestsPerMinute: 0 } }, "limits.requestsPerMinute"],
    [{ name: "a", limits: { growth: 0.5 } }, "limits.growth"],
    [{ name: "a", expiresAt: Number.NaN }, "expiresAt"],
    [{ name: "a", expiresAt: start - 1 }, "expiresAt"],
    [{ name: "a", budgets: { day: -1 } }, "budgets.day"],
    [{ name: "a", organisation: "nobody" }, "organisation"],
  ])("refuse %j, naming the field", async (input, param) => {
    await expect(admin.createKey(input)).rejects.toMatchObject({ kind: "invalid", param });
    expect(await admin.keys()).toEqual([]);
  });
});

describe("money", () => {
  it("is paid in, taken away and held to a budget", async () => {
    const { record } = await admin.createKey({ name: "one" });
    const subject = await admin.subject({ key: "one" });
    expect(formatSubject(subject)).toBe(`key:${record.id}`);
    expect(await admin.money.credit(subject, 5_000_000)).toEqual({
      subject: formatSubject(subject),
      name: "one",
      balance: 5_000_000,
      ownBudgets: { day: null, week: null, month: null, total: null },
      budgets: [],
      spent: { day: 0, week: 0, month: 0, total: 0 },
    });
    await expect(admin.money.credit(subject, Number.MAX_SAFE_INTEGER)).rejects.toMatchObject({ kind: "invalid" });
    expect(await admin.money.change(subject, { budgets: { month: 7 } })).toMatchObject({
      balance: 5_000_000,
      ownBudgets: { month: 7 },
    });
    expect(await admin.money.list()).toHaveLength(1);
    expect(await admin.money.change(subject, { balance: null })).toMatchObject({
      balance: null,
      ownBudgets: { month: 7 },
    });
    await expect(admin.money.change(subject, { budgets: { month: -1 } })).rejects.toMatchObject({ kind: "invalid" });
    await expect(admin.money.credit(subject, 0.5)).rejects.toMatchObject({ kind: "invalid" });
    await expect(admin.subject({ key: "nobody" })).rejects.toMatchObject({ kind: "not-found" });
    const id = staticKeyId(admin.hash("sk-static"));
    expect(await admin.subject({ key: "static-1" })).toEqual({ kind: "key", id });
    expect(await admin.subject({ key: id })).toEqual({ kind: "key", id });
    await expect(admin.subject({ key: "static-2" })).rejects.toMatchObject({ kind: "not-found" });
  });
});

describe("budgets of the configuration", () => {
  it("are shown of everyone whom they hold, with what is spent and when they begin anew", async () => {
    const configured = await openAdmin(
      store,
      { ...systemIds, now: () => start },
      {
        staticKeys: ["sk-static"],
        budgets: { key: { day: 5_000_000, total: 9_000_000 } },
      },
    );
    const { record } = await configured.createKey({ name: "one" });
    await configured.createOrganisation({ name: "free" });
    const id = staticKeyId(configured.hash("sk-static"));
    await configured.money.change({ kind: "key", id: record.id }, { budgets: { total: 7 } });
    const day = { period: "day", limit: 5_000_000, spent: 0, own: false, resetsAt: Date.UTC(2026, 10, 21) };
    expect((await configured.money.list()).map(({ name, budgets }) => [name, budgets])).toEqual([
      ["one", [day, { period: "total", limit: 7, spent: 0, own: true }]],
      ["static key 1", [day, { period: "total", limit: 9_000_000, spent: 0, own: false }]],
    ]);
    expect(await configured.money.get({ kind: "key", id })).toMatchObject({ budgets: [day, { own: false }] });
    configured.adopt({ staticKeys: [], budgets: {} });
    expect((await configured.money.list()).map(({ name }) => name)).toEqual(["one"]);
  });
});

describe("money that was kept by a static key's place", () => {
  it("goes once to the key that stands there, and never to a later one", async () => {
    await store.accounts.update("key:static-1", { balance: 500, budgets: { month: 900 } });
    await store.accounts.update("key:static-2", { balance: 50 });
    await admin.money.adoptStatic(admin.staticKeyIds);
    const subject = await admin.subject({ key: "static-1" });
    expect(await admin.money.get(subject)).toMatchObject({ balance: 500, ownBudgets: { month: 900 } });
    const later = await openAdmin(store, systemIds, { staticKeys: ["sk-static", "sk-later"] });
    await later.money.adoptStatic(later.staticKeyIds);
    expect(await later.money.get(await later.subject({ key: "static-2" }))).toMatchObject({ balance: null });
  });
});

describe("an account's change", () => {
  it("is made as a whole or not at all", async () => {
    const subject = await admin.subject({ key: "static-1" });
    await admin.money.change(subject, { balance: 5, budgets: { month: 7 } });
    expect(await admin.money.get(subject)).toMatchObject({ balance: 5, ownBudgets: { month: 7 } });
    await expect(admin.money.change(subject, { balance: 100, budgets: { month: -1 } })).rejects.toMatchObject({
      kind: "invalid",
      param: "budgets.month",
    });
    expect(await admin.money.get(subject)).toMatchObject({ balance: 5, ownBudgets: { month: 7 } });
    await admin.money.change(subject, {});
    expect(await admin.money.get(subject)).toMatchObject({ balance: 5, ownBudgets: { month: 7 } });
  });
});

describe("CSV", () => {
  it("quotes, and defuses what a spreadsheet would run", () => {
    const numbers = { requests: 1, failed: 0, canceled: 0, input: 1, cached: 0, output: 1, reasoning: 0, cost: -1 };
    const text = usageCsv([
      { group: "a", name: 'say "hi", 你', ...numbers },
      { group: "b", name: "=1+1", ...numbers },
    ]);
    expect(text.split("\r\n").slice(1)).toEqual([
      'a,"say ""hi"", 你",1,0,0,1,0,1,0,-1',
      "b,'=1+1,1,0,0,1,0,1,0,-1",
      "",
    ]);
  });
});
