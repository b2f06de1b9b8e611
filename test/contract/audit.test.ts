/** The log of changes: its store on both databases, and what is recorded of changes to keys, organisations and accounts. */
import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemIds } from "../../src/model/id.ts";
import { openAdmin, type AdminService } from "../../src/service/admin.ts";
import { auditView, type AuditPageQuery } from "../../src/service/audit.ts";
import { openStore } from "../../src/store/open.ts";
import { sqlStore } from "../../src/store/sql.ts";
import type { Store } from "../../src/store/store.ts";
import { pgliteDatabase } from "../store/pglite.ts";

const kinds: Record<string, () => Promise<Store>> = {
  SQLite: () => openStore(),
  PostgreSQL: async () => sqlStore(pgliteDatabase(await PGlite.create())),
};

describe.each(Object.entries(kinds))("the audit log in %s", (_name, open) => {
  let store: Store;
  let admin: AdminService;
  let now = 1_000;
  beforeAll(async () => {
    store = await open();
    admin = await openAdmin(store, { ...systemIds, now: () => now });
  }, 60_000);
  afterAll(() => store.close());

  const shown = async (query: Partial<AuditPageQuery> = {}) => {
    const { rows, next } = await admin.audit.page({ limit: 50, ...query });
    return { rows: rows.map(auditView), next };
  };

  it("has every change with who made it, and no secret", async () => {
    const made = await admin.audit.as("admin-1", () => admin.createKey({ name: "ci", tags: ["a"] }));
    const { id } = made.record;
    now = 2_000;
    const rotated = await admin.audit.as("admin-2", () => admin.rotateKey(id));
    await admin.audit.as("admin-2", () => admin.changeKey(id, { disabled: true }));
    await admin.createOrganisation({ name: "team" });
    await expect(admin.changeKey("nobody", { disabled: true })).rejects.toThrow(/no key/);
    await admin.deleteKey(id);
    const { rows, next } = await shown();
    expect(next).toBeUndefined();
    const target = `key:${id}`;
    const byAction = new Map(rows.map((row) => [row["action"], row]));
    expect(rows).toHaveLength(5);
    expect(byAction.get("key.create")).toEqual({
      at: "1970-01-01T00:00:01.000Z",
      actor: "admin-1",
      action: "key.create",
      target,
      change: expect.objectContaining({ name: "ci", tags: ["a"], disabled: false }),
    });
    expect(byAction.get("key.rotate")).toMatchObject({ actor: "admin-2", target, change: {} });
    expect(byAction.get("key.change")).toMatchObject({ actor: "admin-2", target, change: { disabled: true } });
    expect(byAction.get("key.delete")).toMatchObject({ actor: "server", target, change: {} });
    expect(byAction.get("organisation.create")).toMatchObject({ change: { name: "team" } });
    const text = JSON.stringify(await store.audit.list({ limit: 99 }));
    for (const { key, record } of [made, rotated])
      for (const secret of [key, key.slice(-12), record.hash, record.prefix]) expect(text).not.toContain(secret);
  });

  it("has money", async () => {
    const organisation = await admin.createOrganisation({ name: "payer" });
    const target = `organisation:${organisation.id}`;
    await store.settings.setOnce("unrelated", "x");
    await admin.audit.as("cli:root@host", () => admin.money.credit({ kind: "organisation", id: organisation.id }, 500));
    expect((await shown({ target, limit: 1 })).rows).toEqual([
      expect.objectContaining({ actor: "cli:root@host", action: "account.credit", change: { amount: 500 } }),
    ]);
  });

  it("is read in pages, newest first, of all or of one target or actor", async () => {
    now = 3_000;
    const { record } = await admin.createKey({ name: "paged" });
    for (let count = 0; count < 5; count += 1) {
      await admin.audit.as(`admin-${count % 2}`, () => admin.changeKey(record.id, { name: `name ${count}` }));
    }
    const target = `key:${record.id}`;
    const names: string[] = [];
    let after: string | undefined;
    do {
      const page = await shown({ target, limit: 2, ...(after !== undefined && { after }) });
      names.push(...page.rows.map((row) => (row["change"] as { name: string }).name));
      after = page.next;
    } while (after !== undefined);
    expect(names).toEqual(["name 4", "name 3", "name 2", "name 1", "name 0", "paged"]);
    expect((await shown({ target, actor: "admin-1" })).rows).toHaveLength(2);
    await expect(shown({ after: "x" })).rejects.toThrow(/^after: must be the `next` of a page$/);
  });
});
