/** Databases that cannot be used: at the start, and while the server runs. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SqlDatabase } from "../../src/store/database.ts";
import { storeFailure } from "../../src/store/failure.ts";
import { GuardedDatabase } from "../../src/store/guarded.ts";
import { openStore } from "../../src/store/open.ts";
import { silentLog, type Log } from "../../src/telemetry/log.ts";

let data = "";
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "parley-failure-"));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

const path = (): string => join(data, "parley.db");

/** Overwrites all but the first page, as a broken disk would. */
function damage(file: string): void {
  const database = new DatabaseSync(file);
  database.exec("create table migration (number integer)");
  database.exec(
    "with recursive n (i) as (values (1) union all select i + 1 from n where i < 2000) insert into migration select i from n",
  );
  database.close();
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(7, 4_096));
}

interface Broken {
  what: string;
  /** The data folder, where it is another one. */
  make: () => string | void;
  says: RegExp;
}

const broken: readonly Broken[] = [
  {
    what: "a file that is no database",
    make: () => writeFileSync(path(), "a letter, not a database. ".repeat(200)),
    says: /parley\.db cannot be opened: file is not a database; restore a backup, or move it away/,
  },
  {
    what: "a damaged database",
    make: () => damage(path()),
    says: /parley\.db cannot be opened: database disk image is malformed; restore a backup/,
  },
  {
    what: "a database of another program",
    make: () => {
      const database = new DatabaseSync(path());
      database.exec("create table notes (text text)");
      database.close();
    },
    says: /parley\.db belongs to another program: choose another folder with --data/,
  },
  {
    what: "a full disk",
    make: () => symlinkSync("/dev/full", path()),
    says: /parley\.db cannot be opened: database or disk is full; mend that, or choose another folder with --data/,
  },
  {
    what: "a folder in the place of the file",
    make: () => mkdirSync(path()),
    says: /parley\.db cannot be opened: unable to open database file; mend that/,
  },
  {
    what: "a file in the place of the folder",
    make: () => {
      writeFileSync(join(data, "file"), "x");
      return join(data, "file");
    },
    says: /file\/parley\.db cannot be opened: ENOTDIR.*; mend that, or choose another folder/,
  },
  {
    what: "a folder that the system does not take",
    make: () => "/proc/parley/data",
    says: /\/proc\/parley\/data\/parley\.db cannot be opened: ENOENT.*; mend that, or choose another folder/,
  },
];

describe("at the start", () => {
  it.each(broken)("$what is named, with the way out", async ({ make, says }) => {
    const folder = make() ?? data;
    await expect(openStore(folder)).rejects.toMatchObject({ kind: "invalid", message: expect.stringMatching(says) });
  });

  it("ends the server with exit code 2 and one sentence", async () => {
    writeFileSync(path(), "a letter, not a database. ".repeat(200));
    const program = join(import.meta.dirname, "../../bin/parley.js");
    const serve = [program, "serve", "--engine", "sim", "--port", "0", "--data", data];
    await expect(promisify(execFile)(process.execPath, serve)).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^\{[^\n]*"msg":"the database \S+parley\.db cannot be opened: [^\n]+"\}\n$/,
      ) as string,
    });
  });
});

const sqlite = (errcode: number): Error => Object.assign(new Error("sqlite"), { code: "ERR_SQLITE_ERROR", errcode });
const coded = (code: string): Error => Object.assign(new Error("driver"), { code });

const failures: readonly (readonly [thrown: unknown, words: string | undefined, retryAfter: number])[] = [
  [sqlite(13), "has no room left", 60],
  [sqlite(778), "cannot be read or written", 60],
  [sqlite(8), "cannot be written", 60],
  [sqlite(11), "is damaged", 60],
  [sqlite(261), "is busy", 5],
  [coded("53100"), "has no room left", 60],
  [coded("EROFS"), "cannot be written", 60],
  [coded("25006"), "cannot be written", 60],
  [coded("57P01"), "cannot be reached", 5],
  [coded("57P03"), "cannot be reached", 5],
  [coded("53300"), "is busy", 5],
  [coded("ECONNREFUSED"), "cannot be reached", 5],
  [new AggregateError([coded("ECONNREFUSED"), coded("ENETUNREACH")]), "cannot be reached", 5],
  [new Error("Connection terminated unexpectedly"), "cannot be reached", 5],
  [new Error("timeout exceeded when trying to connect"), "cannot be reached", 5],
  [new Error("Query read timeout"), "cannot be reached", 5],
  [sqlite(1), undefined, 0],
  [sqlite(19), undefined, 0],
  [coded("23505"), undefined, 0],
  [coded("42601"), undefined, 0],
  [new TypeError("a mistake"), undefined, 0],
];

describe("while it runs", () => {
  it.each(failures)("%s is for callers: %s", (thrown, words, retryAfter) => {
    const failure = storeFailure(thrown);
    if (words === undefined) expect(failure).toBe(thrown);
    else {
      const message = `the server's database ${words}`;
      expect(failure).toMatchObject({ kind: "unavailable", message, retryAfter, cause: thrown });
    }
  });

  it("the log names the database once when it cannot be used, and once when it can again", async () => {
    const lines: unknown[] = [];
    const note = ({ store, reason }: { store?: string; reason?: string }, message: string): void =>
      void lines.push([message, store, reason]);
    const log = { ...silentLog, warn: note, error: note } as unknown as Log;
    let thrown: Error | undefined = sqlite(13);
    const answer = async (): Promise<never[]> => {
      if (thrown !== undefined) throw thrown;
      return [];
    };
    const inner = { dialect: "sqlite", name: "/data/parley.db", all: answer } as unknown as SqlDatabase;
    const database = new GuardedDatabase(inner, log);
    for (let round = 0; round < 3; round += 1) {
      await expect(database.all("select 1")).rejects.toMatchObject({ kind: "unavailable" });
    }
    thrown = undefined;
    await database.all("select 1");
    await database.all("select 1");
    expect(lines).toEqual([
      ["the database cannot be used", "/data/parley.db", "the server's database has no room left"],
      ["the database can be used again", "/data/parley.db", undefined],
    ]);
  });

  it("a store that is there can be read", async () => {
    const store = await openStore(data);
    await expect(store.check()).resolves.toBeUndefined();
    await store.close();
  });
});
