import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { openStore } from "../../src/store/open.ts";
import { openSqlite } from "../../src/store/sqlite.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

it.skipIf(process.platform === "win32")("is readable by its owner only, in whatever folder it lies", async () => {
  const before = process.umask(0o022);
  try {
    const folder = mkdtempSync(join(tmpdir(), "parley-sqlite-"));
    folders.push(folder);
    const database = openSqlite(folder);
    await database.run("create table secret (id integer)");
    const modes = readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mode & 0o777]);
    await database.close();
    const names = ["parley.db", "parley.db-reserve", "parley.db-shm", "parley.db-wal"];
    expect(Object.fromEntries(modes)).toEqual(Object.fromEntries(names.map((name) => [name, 0o600])));
  } finally {
    process.umask(before);
  }
});

it("lets a response expire by the clock it was given", async () => {
  let time = 1_000;
  const store = await openStore(undefined, undefined, { now: () => time });
  const texts = { body: "{}", input: "[]", items: "[]", output: "", events: "[]" };
  await store.responses.save({
    ...{ id: "r", owner: "k", createdAt: 0, expiresAt: 1_001, state: "done", previousId: null, version: 1 },
    ...texts,
  });
  expect(await store.responses.get("r", "k")).toMatchObject({ id: "r" });
  time = 1_001;
  expect(await store.responses.get("r", "k")).toBeUndefined();
  await store.close();
});
