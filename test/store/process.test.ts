/** Several real processes on one SQLite file. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { openStore } from "../../src/store/open.ts";
import { migrations } from "../../src/store/schema.ts";
import { openSqlite } from "../../src/store/sqlite.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function fresh(): string {
  const folder = mkdtempSync(join(tmpdir(), "parley-process-"));
  folders.push(folder);
  return folder;
}

const url = (path: string): string => JSON.stringify(pathToFileURL(join(import.meta.dirname, path)).href);

/** Opens the store, which may not be there yet, and writes ten batches of five rows. */
const writer = `
  const { openStore } = await import(${url("../../src/store/open.ts")});
  const { row } = { row: (id) => ({ id, request: id, at: Date.UTC(2026, 10, 20), keyId: "k", organisation: null, model: "m",
    engine: "e", tier: "standard", outcome: "stop", input: 1, cached: 0, output: 1, reasoning: 0, cost: 2 }) };
  const [folder, name] = process.argv.slice(1);
  const store = await openStore(folder);
  await store.settings.setOnce("secret", name);
  for (let batch = 0; batch < 10; batch += 1)
    await store.ledger.add(Array.from({ length: 5 }, (_, index) => row([name, batch, index].join("-"))));
  await store.close();
`;

function run(folder: string, name: string): Promise<{ code: number | null; said: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", writer, folder, name], { stdio: "pipe" });
    let said = "";
    child.stderr.on("data", (text: Buffer) => (said += text.toString()));
    child.once("exit", (code) => resolve({ code, said }));
  });
}

describe("processes that start at once on a new folder", () => {
  it("make the tables once and lose nothing", async () => {
    const folder = fresh();
    const ends = await Promise.all(["a", "b", "c", "d"].map((name) => run(folder, name)));
    expect(ends.filter(({ code }) => code !== 0)).toEqual([]);
    const store = await openStore(folder);
    try {
      expect(await store.ledger.usage({ by: ["model"] })).toMatchObject([{ requests: 200, cost: 400 }]);
      expect(await store.accounts.read(["key:k"], Date.UTC(2026, 10, 20, 12))).toMatchObject([
        { spent: { month: 400 } },
      ]);
    } finally {
      await store.close();
    }
  });
});

describe("migrations", () => {
  it("refuse a database of a newer version", async () => {
    const folder = fresh();
    await (await openStore(folder)).close();
    const database = openSqlite(folder);
    await database.run("insert into migration (number) values (9999)");
    await database.close();
    await expect(openStore(folder)).rejects.toThrow(/migration 9999.*newer Parley/);
  });

  it("of a newer version are served with where that version says so", async () => {
    const folder = fresh();
    const old = await openStore(folder);
    const database = openSqlite(folder);
    const newest = Math.max(...migrations.map(({ number }) => number));
    await database.run("create table later (id text)");
    await database.run("insert into migration (number, works_from) values (?, ?)", [newest + 1, newest]);
    await database.run("insert into migration (number, works_from) values (?, ?)", [newest + 2, newest]);
    // one that runs already, and one that starts meanwhile
    const started = await openStore(folder);
    await old.settings.setOnce("side", "by side");
    expect(await started.settings.get("side")).toBe("by side");
    await Promise.all([old.close(), started.close()]);
    await database.run("insert into migration (number, works_from) values (?, ?)", [newest + 3, newest + 1]);
    await database.close();
    await expect(openStore(folder)).rejects.toThrow(
      new RegExp(`migration ${newest + 3}, this version knows up to ${newest}: use a newer Parley`),
    );
  });

  it("that earlier programs go on with only add", () => {
    // a lock ends with the migration
    const adds =
      /^(?:lock table |create (?:table|index|trigger|function) |insert into (\w+) |alter table \w+ add column \w+ \w+ (?:not null default .*)?$)/;
    for (const { number, worksFrom = number, ...step } of migrations) {
      expect(worksFrom).toBeLessThanOrEqual(number);
      if (worksFrom === number) continue;
      const statements = [...step.statements, ...(step.sqlite ?? []), ...(step.postgres ?? [])];
      expect(statements.filter((statement) => !adds.test(statement))).toEqual([]);
    }
  });

  it("leave nothing behind when one fails", async () => {
    const database = openSqlite(fresh());
    const work = database.transaction(async (inside) => {
      await inside.run("create table half (id text)");
      throw new Error("broken");
    });
    await expect(work).rejects.toThrow("broken");
    await expect(database.all("select * from half")).rejects.toThrow(/no such table/);
    await database.close();
  });
});
