import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHash } from "node:crypto";
import { systemIds } from "../../src/model/id.ts";
import { openAdmin, type AdminService } from "../../src/service/admin.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";

let store: Store;
let admin: AdminService;
beforeEach(async () => {
  store = await openStore();
  admin = await openAdmin(store, systemIds);
});
afterEach(() => store.close());

const caller = async (key: string): Promise<unknown> => (await admin.lookup(admin.hash(key), key))?.caller;
const secret = "sk-declared-0123456789";
const research = { limits: { streams: 8 }, budget: { month: 500 } };

describe("what the settings declare", () => {
  it("is there with all that it may do, and is written only where it changes", async () => {
    const declared = {
      organisations: { research },
      keys: {
        ci: {
          secret,
          organisation: "research",
          owner: "anna",
          tags: ["a"],
          models: ["MiniMax-M3"],
          budget: { day: 5 },
        },
      },
    };
    await admin.applyDeclared(declared);
    const { id } = await admin.key("ci");
    expect(await caller(secret)).toMatchObject({
      keyId: id,
      name: "ci",
      models: ["MiniMax-M3"],
      organisationLimits: { streams: 8 },
    });
    expect(await admin.key("ci")).toMatchObject({ declared: true, owner: "anna", prefix: "declared" });
    expect((await admin.money.get({ kind: "key", id })).ownBudgets).toMatchObject({ day: 5, month: null });
    const changes = (await store.audit.list({ limit: 99 })).length;
    await admin.applyDeclared(declared);
    expect(await store.audit.list({ limit: 99 })).toHaveLength(changes);
    await admin.applyDeclared({ ...declared, keys: { ci: { secret, tags: ["b"] } } });
    expect(await admin.key("ci")).toMatchObject({ id, tags: ["b"], organisation: null, models: null, owner: "" });
    expect((await admin.money.get({ kind: "key", id })).ownBudgets).toMatchObject({ day: null });
    expect(await store.audit.list({ limit: 99 })).toHaveLength(changes + 2);
  });

  it("may be the SHA-256 of a secret", async () => {
    const hash = `sha256:${createHash("sha256").update(secret).digest("hex")}`;
    await admin.applyDeclared({ organisations: {}, keys: { ci: { hash } } });
    expect(await caller(secret)).toMatchObject({ name: "ci" });
    expect(await caller(hash)).toBeUndefined();
    expect(await caller(`${secret}0`)).toBeUndefined();
  });

  it("takes over who has the name, and is disabled when it leaves the settings", async () => {
    const { record, key } = await admin.createKey({ name: "ci" });
    await admin.applyDeclared({ organisations: { research }, keys: { ci: { secret } } });
    expect((await admin.key("ci")).id).toBe(record.id);
    expect([await caller(key), await caller(secret)]).toEqual([
      undefined,
      expect.objectContaining({ keyId: record.id }),
    ]);
    await admin.applyDeclared({ organisations: {}, keys: {} });
    expect(await caller(secret)).toBeUndefined();
    expect(await admin.key("ci")).toMatchObject({ declared: false, disabled: true });
    expect(await admin.organisation("research")).toMatchObject({ declared: false, disabled: true });
    // from now on it is as any other
    await admin.changeKey("ci", { disabled: false });
    expect(await caller(secret)).toBeDefined();
    await admin.applyDeclared({ organisations: {}, keys: {} });
    expect(await caller(secret)).toBeDefined();
  });

  it("is changed in the settings only, but for its balance", async () => {
    await admin.applyDeclared({ organisations: { research }, keys: { ci: { secret } } });
    const subject = await admin.subject({ key: "ci" });
    for (const change of [
      () => admin.changeKey("ci", { disabled: true }),
      () => admin.rotateKey("ci"),
      () => admin.deleteKey("ci"),
      () => admin.changeOrganisation("research", { disabled: true }),
      () => admin.deleteOrganisation("research"),
      () => admin.money.change(subject, { budgets: { day: 5 } }),
    ])
      await expect(change()).rejects.toMatchObject({
        kind: "invalid",
        message: expect.stringContaining("declared in the settings"),
      });
    expect(await admin.money.credit(subject, 7)).toMatchObject({ balance: 7 });
    expect(await admin.money.change(subject, { balance: null })).toMatchObject({ balance: null });
  });

  it.each([
    [{ ci: { secret, organisation: "nobody" } }, "keys.ci.organisation"],
    [{ ci: { secret }, other: { secret } }, "keys.other"],
  ])("names the setting that is wrong in %j", async (keys, param) => {
    await expect(admin.applyDeclared({ organisations: {}, keys })).rejects.toMatchObject({ kind: "invalid", param });
  });
});
