/** What is known of uploaded files, on both databases. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../src/store/open.ts";
import { sqlStore } from "../../src/store/sql.ts";
import type { FileRecord, Store } from "../../src/store/store.ts";
import { pgliteDatabase } from "./pglite.ts";
import { postgresFolder, startPostgres } from "./postgres-server.ts";

const now = Date.UTC(2026, 10, 20, 12);
const awkward = "带引号 \" ' \\ ; -- 🙂 %_? $1.mp4";
const quota = { count: 3, bytes: 1000 };

function file(id: number, changes: Partial<FileRecord> = {}): FileRecord {
  return {
    id,
    owner: "k1",
    filename: awkward,
    purpose: "video_understanding",
    mime: "video/mp4",
    bytes: 100,
    createdAt: now + (id % 1000),
    expiresAt: now + 60_000,
    ...changes,
  };
}

interface Opened {
  store: Store;
  stop(): Promise<void>;
}

async function sqlite(): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), "parley-file-table-"));
  const store = await openStore(folder);
  return {
    store,
    stop: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A server where one is installed: only there can uploads really meet. */
async function postgres(): Promise<Opened> {
  const programs = postgresFolder();
  if (programs !== undefined) {
    const running = await startPostgres(programs);
    const store = await openStore(undefined, await running.database());
    return {
      store,
      stop: async () => {
        await store.close();
        await running.stop();
      },
    };
  }
  const database = await PGlite.create();
  return { store: await sqlStore(pgliteDatabase(database)), stop: () => database.close() };
}

describe.each([
  ["SQLite", sqlite],
  ["PostgreSQL", postgres],
])("files in %s", (_name, open) => {
  let opened: Opened;
  let owner = "";
  let count = 0;
  const files = () => opened.store.files;
  const mine = (id: number, changes: Partial<FileRecord> = {}) => file(id, { owner, ...changes });

  beforeAll(async () => {
    opened = await open();
  }, 30_000);
  afterAll(() => opened.stop());
  beforeEach(() => {
    owner = `owner ${++count}`;
  });

  it("shows a file from its publishing until it expires, to its owner", async () => {
    const id = 9_007_199_254_740_000 + count;
    expect(await files().reserve(mine(id), quota)).toBe(true);
    expect(await files().get(id, owner, now)).toBeUndefined();
    expect(await files().list(owner, now)).toEqual([]);
    expect(await files().publish(id, now + 5000)).toBe(true);
    const published = mine(id, { expiresAt: now + 5000 });
    expect(await files().get(id, owner, now)).toEqual(published);
    expect(await files().list(owner, now)).toEqual([published]);
    expect(await files().get(id, "someone else", now)).toBeUndefined();
    expect(await files().list("someone else", now)).toEqual([]);
    expect(await files().get(id, owner, now + 5000)).toBeUndefined();
    expect(await files().list(owner, now + 5000)).toEqual([]);
  });

  it("lists the newest first", async () => {
    for (const id of [101, 103, 102]) {
      await files().reserve(mine(id), quota);
      await files().publish(id, now + 5000);
    }
    expect((await files().list(owner, now)).map(({ id }) => id)).toEqual([103, 102, 101]);
  });

  it("keeps to the quota, also when many come at once", async () => {
    const kept = await Promise.all([1, 2, 3, 4, 5, 6].map((id) => files().reserve(mine(200 + id), quota)));
    expect(kept.filter(Boolean)).toHaveLength(3);
    expect(await files().usage(owner, now)).toEqual({ count: 3, bytes: 300 });
    expect(await files().reserve(file(300, { owner: `${owner}b`, bytes: 1000 }), quota)).toBe(true);
    expect(await files().reserve(file(301, { owner: `${owner}b`, bytes: 1 }), quota)).toBe(false);
    expect(await files().reserve(file(302, { owner: `${owner}c`, bytes: 1001 }), quota)).toBe(false);
    expect(await files().usage(owner, now + 60_000)).toEqual({ count: 0, bytes: 0 });
  });

  it("ends a file at once, once, and tells what is to be removed", async () => {
    await files().reserve(mine(401), quota);
    await files().publish(401, now + 5000);
    await files().reserve(mine(402, { expiresAt: now + 10 }), quota);
    expect(await files().end(401, "someone else", now)).toBe(false);
    expect(await files().end(402, owner, now)).toBe(false);
    expect(await files().end(401, owner, now)).toBe(true);
    expect(await files().end(401, owner, now)).toBe(false);
    expect(await files().get(401, owner, now)).toBeUndefined();
    expect(await files().ended(now, 10)).toEqual([401]);
    expect(await files().ended(now + 10, 10)).toEqual([401, 402]);
    expect(await files().ended(now + 10, 1)).toEqual([401]);
    await files().remove(401);
    await files().remove(402);
    expect(await files().ended(now + 10, 10)).toEqual([]);
    expect(await files().publish(402, now + 5000)).toBe(false);
  });
});
