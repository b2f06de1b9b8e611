import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../src/store/open.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { testStore } from "./store.ts";

testStore("SQLite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "parley-store-"));
  return {
    open: () => openStore(folder),
    database: () => openSqlite(folder),
    stop: async () => rmSync(folder, { recursive: true, force: true }),
  };
});
