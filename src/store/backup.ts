import { existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DatabaseSync } from "node:sqlite";
import { constants, createGzip } from "node:zlib";
import { deleteAbandoned } from "../lib/abandoned.ts";
import { ownedName } from "../lib/owner.ts";
import { writeTar, type TarFile } from "../lib/tar.ts";
import { invalid } from "../model/error.ts";
import { openFailure } from "./failure.ts";
import { databaseName } from "./sqlite.ts";

/**
 * A backup of a data folder with SQLite: a compressed tar archive of its database, what the ledger's journal holds beyond it,
 * and the uploaded files. The first entry says what the others are.
 */
export interface BackupManifest {
  /** Of the archive; another number is another form. */
  format: 1;
  /** The Parley that made it. */
  version: string;
  /** ISO time. */
  madeAt: string;
  /** Number of the database's last migration. */
  migration: number;
}

export interface BackupReport {
  /** Uploaded files in it. */
  files: number;
  /** Of the database and the files, before they are compressed. */
  bytes: number;
}

/** Names in the archive. */
export const entryNames = {
  manifest: "parley-backup.json",
  journal: "ledger/restored.jsonl",
  files: "files/",
} as const;

export interface BackupOptions {
  /** Whether uploaded files are in the data folder. */
  files: boolean;
  version: string;
  nowMs: number;
  /** A folder with room for a second database. */
  scratch: string;
}

const copyPrefix = ".parley-backup-";
/** A copy being made is written all the time. */
const unchangedMs = 3_600_000;

/**
 * Writes a backup of the data folder, and ends `output`. A server may run on it: the database is copied as it stands at one
 * moment, and every file and ledger row of that moment is in the backup. Nothing in the folder changes. Throws `invalid`
 * where there is no database.
 */
export async function backUp(folder: string, output: Writable, options: BackupOptions): Promise<BackupReport> {
  const path = join(folder, databaseName);
  if (!existsSync(path))
    throw invalid("", `${folder} holds no database; name the data folder with --data or PARLEY_DATA`);
  await deleteAbandoned(options.scratch, { prefix: copyPrefix, unchangedMs, now: options.nowMs });
  const copyFolder = join(options.scratch, `${copyPrefix}${ownedName()}`);
  await mkdir(copyFolder, { mode: 0o700 });
  try {
    // before the database: a row that is not in the one yet is in the other
    const journal = await journalText(join(folder, "ledger"));
    const copy = join(copyFolder, databaseName);
    const { migration, ids } = copyDatabase(path, copy);
    const files = (options.files ? ids : []).map((id) => {
      return { name: `${entryNames.files}${id}`, path: join(folder, "files", id.toString()) };
    });
    const { version, nowMs } = options;
    const manifest: BackupManifest = { format: 1, version, madeAt: new Date(nowMs).toISOString(), migration };
    const report: BackupReport = { files: 0, bytes: 0 };
    const seen = ({ name, bytes }: TarFile): void => {
      if (name !== databaseName) report.files += 1;
      report.bytes += bytes;
    };
    const archive = writeTar(entries({ manifest, copy, journal, files }, seen), nowMs);
    await pipeline(Readable.from(archive), createGzip({ level: constants.Z_BEST_SPEED }), output);
    return report;
  } finally {
    await rm(copyFolder, { recursive: true, force: true });
  }
}

/** One consistent copy, which a writer neither waits for nor disturbs. */
function copyDatabase(path: string, copy: string): { migration: number; ids: readonly number[] } {
  try {
    using database = new DatabaseSync(path, { readOnly: true });
    database.prepare("vacuum into ?").run(copy);
    using copied = new DatabaseSync(copy, { readOnly: true });
    const newest = copied.prepare("select max(number) as number from migration").get();
    const files = copied.prepare("select id from uploaded_file where ready = 1 order by id").all();
    return { migration: Number(newest?.["number"]), ids: files.map((row) => Number(row["id"])) };
  } catch (error) {
    throw openFailure(path, error);
  }
}

/** Rows that may not be in the database yet, of all processes on the folder. */
async function journalText(folder: string): Promise<Buffer> {
  const names = await readdir(folder).catch(() => []);
  const parts = names
    .filter((name) => name.endsWith(".jsonl"))
    .map((name) => readFile(join(folder, name)).catch(absent));
  const texts = (await Promise.all(parts)).filter((text) => text !== undefined);
  return Buffer.concat(texts.flatMap((text) => (text.length === 0 ? [] : [text, Buffer.from("\n")])));
}

interface Contents {
  manifest: BackupManifest;
  copy: string;
  journal: Buffer;
  files: readonly { name: string; path: string }[];
}

async function* entries({ manifest, copy, journal, files }: Contents, seen: (file: TarFile) => void) {
  const text = (name: string, bytes: Uint8Array): TarFile => ({
    name,
    bytes: bytes.length,
    chunks: Readable.from([bytes]),
  });
  yield text(entryNames.manifest, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
  for (const one of [{ name: databaseName, path: copy }, ...files]) {
    await using file = await open(one.path).catch(absent);
    // a file that has expired meanwhile
    if (file === undefined) continue;
    const entry = {
      name: one.name,
      bytes: (await file.stat()).size,
      chunks: file.createReadStream({ autoClose: false }),
    };
    seen(entry);
    yield entry;
  }
  if (journal.length > 0) yield text(entryNames.journal, journal);
}

function absent(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
