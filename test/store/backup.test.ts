/** Backups of data folders and what a restore takes, in this process; test/cli/backup.test.ts has real servers. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { DatabaseSync } from "node:sqlite";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeTar } from "../../src/lib/tar.ts";
import { backUp } from "../../src/store/backup.ts";
import { openLedgerJournal, openStore } from "../../src/store/open.ts";
import { restore } from "../../src/store/restore.ts";
import type { LedgerRow } from "../../src/store/store.ts";

const nowMs = Date.UTC(2026, 10, 28);

let folder: string;
let source: string;
let target: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "parley-backup-"));
  [source, target] = [join(folder, "source"), join(folder, "target")];
});
afterEach(() => rmSync(folder, { recursive: true }));

async function archived(options: { files?: boolean } = {}): Promise<Buffer> {
  const parts: Buffer[] = [];
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      parts.push(chunk);
      done();
    },
  });
  await backUp(source, output, { files: true, version: "1.2.3", nowMs, scratch: folder, ...options });
  return Buffer.concat(parts);
}

/** The source with this setting in its database. */
async function set(name: string): Promise<void> {
  const store = await openStore(source);
  await store.settings.setOnce("name", name);
  await store.close();
}

async function nameIn(data: string): Promise<string | undefined> {
  const store = await openStore(data);
  const name = await store.settings.get("name");
  await store.close();
  return name;
}

const restored = (archive: Buffer, force = false) => restore(target, Readable.from([archive]), { force, nowMs });

async function journalOf(data: string): Promise<LedgerRow[]> {
  const rows: LedgerRow[] = [];
  for await (const left of openLedgerJournal(data).left()) rows.push(...left.rows);
  return rows;
}

const row: LedgerRow = {
  id: "a",
  request: "a",
  at: nowMs,
  keyId: "k",
  organisation: null,
  model: "m",
  engine: "e",
  tier: "standard",
  outcome: "stop",
  input: 1,
  cached: 0,
  output: 1,
  reasoning: 0,
  cost: 2,
};

describe("a backup", () => {
  it("has rows of the journal that are not in the database yet, and only files that are uploaded", async () => {
    await set("one");
    const store = await openStore(source);
    const file = {
      owner: "k",
      filename: "f",
      purpose: "p",
      mime: "image/png",
      bytes: 3,
      createdAt: nowMs,
      expiresAt: nowMs + 1e9,
    };
    for (const id of [1, 2]) await store.files.reserve({ ...file, id }, { count: 9, bytes: 99 });
    await store.files.publish(1, file.expiresAt);
    mkdirSync(join(source, "files/incoming"), { recursive: true });
    for (const name of ["1", "2", "3", "incoming/half"]) writeFileSync(join(source, "files", name), `of ${name}`);
    const journal = openLedgerJournal(source);
    journal.append(row);
    const archive = await archived();
    journal.close();
    await store.close();
    expect(readdirSync(folder)).toEqual(["source"]);
    expect(await restored(archive)).toEqual({
      format: 1,
      version: "1.2.3",
      madeAt: "2026-11-28T00:00:00.000Z",
      migration: expect.any(Number),
    });
    expect(readdirSync(join(target, "files"))).toEqual(["1"]);
    expect(readFileSync(join(target, "files/1"), "utf8")).toBe("of 1");
    expect(await journalOf(target)).toEqual([row]);
  });

  it("has the database as it stands at one moment, while another connection writes", async () => {
    await set("one");
    const writer = new DatabaseSync(join(source, "parley.db"));
    // stands in the write-ahead log only
    writer.exec("update setting set value = 'before' where name = 'name'");
    writer.exec("begin immediate; update setting set value = 'two' where name = 'name'");
    const archive = await archived();
    writer.exec("commit");
    writer.close();
    await restored(archive);
    expect(await nameIn(target)).toBe("before");
    expect(await nameIn(source)).toBe("two");
  });

  it("leaves uploaded files out that are kept in a bucket", async () => {
    const store = await openStore(source);
    await store.close();
    mkdirSync(join(source, "files"));
    writeFileSync(join(source, "files/1"), "of another time");
    await restored(await archived({ files: false }));
    expect(existsSync(join(target, "files"))).toBe(false);
  });
});

describe("a restore", () => {
  it("replaces data only by force, and then all of it", async () => {
    await set("one");
    const archive = await archived();
    await restored(archive);
    mkdirSync(join(target, "files"));
    writeFileSync(join(target, "files/7"), "mine");
    await expect(restored(archive)).rejects.toThrow(/target holds data already; --force replaces it/);
    rmSync(join(target, "parley.db"));
    await expect(restored(archive)).rejects.toThrow(/--force/);
    const journal = openLedgerJournal(target);
    journal.append({ ...row, id: "of the old database" });
    journal.close();
    await restored(archive, true);
    expect(await nameIn(target)).toBe("one");
    expect(readdirSync(target).toSorted()).toEqual(["parley.db", "parley.db-reserve"]);
  });

  it("refuses a folder that is in use, and takes one whose database is damaged", async () => {
    await set("one");
    const archive = await archived();
    const running = await openStore(target);
    await expect(restored(archive, true)).rejects.toThrow(/^a server uses .*parley\.db: stop it first$/);
    await running.close();
    writeFileSync(join(target, "parley.db"), "x".repeat(9000));
    await restored(archive, true);
    expect(await nameIn(target)).toBe("one");
  });

  it("refuses the backup of a newer version", async () => {
    await set("one");
    const newer = new DatabaseSync(join(source, "parley.db"));
    newer.exec("insert into migration (number) values (9999)");
    newer.close();
    await expect(restored(await archived())).rejects.toThrow(
      /made by Parley 1\.2\.3, whose database has migration 9999; .* use that version or a newer one$/,
    );
    expect(readdirSync(target)).toEqual([]);
  });

  it("refuses what is no backup, or only a part of one, and leaves the folder as it was", async () => {
    await set("one");
    const whole = await archived();
    const packed = async (name: string, text: string): Promise<Buffer> => {
      const content = Buffer.from(text);
      const files = [{ name, bytes: content.length, chunks: Readable.from([content]) }];
      return gzipSync(Buffer.concat(await Readable.from(writeTar(Readable.from(files), 0)).toArray()));
    };
    const wrong = [
      Buffer.from("no archive"),
      Buffer.alloc(0),
      gzipSync("no archive"),
      await packed("other.json", "{}"),
      await packed("parley-backup.json", "{"),
      await packed("parley-backup.json", '{"format":1,"version":"1","madeAt":"2026","migration":1}'),
      ...[40, 600, whole.length - 100].map((missing) => whole.subarray(0, whole.length - missing)),
    ];
    for (const archive of wrong)
      await expect(restored(archive)).rejects.toThrow(/^this is no whole backup of `parley backup`: ./);
    expect(readdirSync(target)).toEqual([]);
  });

  it("writes nothing outside of the folder", async () => {
    await set("one");
    writeFileSync(join(folder, "whole.tar.gz"), await archived());
    const script = `mkdir in && tar -xzf whole.tar.gz -C in && echo x > evil && cd in &&
      tar --format=ustar -czPf ../evil.tar.gz parley-backup.json parley.db ../evil && rm ../evil`;
    expect(spawnSync("sh", ["-c", script], { cwd: folder }).status).toBe(0);
    await expect(restored(readFileSync(join(folder, "evil.tar.gz")))).rejects.toThrow(/it holds \.\.\/evil$/);
    expect(existsSync(join(target, "evil")) || existsSync(join(folder, "evil"))).toBe(false);
  });
});
