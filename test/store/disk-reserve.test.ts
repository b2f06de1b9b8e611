import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { DiskReserve } from "../../src/store/disk-reserve.ts";
import { openSqlite } from "../../src/store/sqlite.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "parley-reserve-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("holds room until it is released, and takes it again", () => {
  const path = join(folder, "reserve");
  const reserve = new DiskReserve(path);
  expect(reserve.fill()).toBe(true);
  expect(statSync(path)).toMatchObject({ size: 256 * 1024, mode: 0o100600 });
  expect(reserve.release()).toBe(true);
  expect(existsSync(path)).toBe(false);
  expect(reserve.release()).toBe(false);
  expect(reserve.fill()).toBe(true);
});

it("is no room where it cannot be written", () => {
  expect(new DiskReserve(join(folder, "missing", "reserve")).fill()).toBe(false);
});

it("stands beside the database of a data folder, and no other", async () => {
  const databases = [openSqlite(folder), openSqlite(folder, "other.db"), openSqlite()];
  expect(existsSync(join(folder, "parley.db-reserve"))).toBe(true);
  expect(existsSync(join(folder, "other.db-reserve"))).toBe(false);
  await Promise.all(databases.map((database) => database.close()));
});
