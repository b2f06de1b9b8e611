import { createWriteStream, existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DatabaseSync } from "node:sqlite";
import { createGunzip } from "node:zlib";
import { z } from "zod";
import { deleteAbandoned } from "../lib/abandoned.ts";
import { ownedName } from "../lib/owner.ts";
import { readTar, TarError, type TarFile } from "../lib/tar.ts";
import { invalid } from "../model/error.ts";
import { parseJson } from "../model/json.ts";
import { entryNames, type BackupManifest } from "./backup.ts";
import { openFailure, reasonOf, sqliteBusy, sqliteCode } from "./failure.ts";
import { migrations } from "./schema.ts";
import { databaseName } from "./sqlite.ts";

const manifestForm = z.object({
  format: z.literal(1),
  version: z.string(),
  madeAt: z.string(),
  migration: z.int(),
}) satisfies z.ZodType<BackupManifest>;

/** The names that an archive may hold: nothing of it is ever written elsewhere. */
const contentName = /^(?:parley\.db|ledger\/restored\.jsonl|files\/\d{1,16})$/;
const restorePrefix = ".parley-restore-";
const unchangedMs = 3_600_000;

export interface RestoreOptions {
  /** Whether what the folder holds may be replaced. */
  force: boolean;
  nowMs: number;
}

/**
 * Puts the contents of a backup into a data folder. Everything is read and checked before anything of the folder is
 * replaced. Throws `invalid`, one sentence, for what is no backup or was made by a newer Parley, for a folder that holds
 * data already (without `force`), and for one that a server uses.
 */
export async function restore(
  folder: string,
  input: Readable,
  { force, nowMs }: RestoreOptions,
): Promise<BackupManifest> {
  if (!force && (await holdsData(folder)))
    throw invalid("", `${folder} holds data already; --force replaces it, another folder is named with --data`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await deleteAbandoned(folder, { prefix: restorePrefix, unchangedMs, now: nowMs });
  const fresh = join(folder, `${restorePrefix}${ownedName()}`);
  await mkdir(fresh, { mode: 0o700 });
  try {
    const manifest = await unpack(input, fresh);
    checkDatabase(join(fresh, databaseName));
    closeOld(join(folder, databaseName));
    await replace(folder, fresh);
    return manifest;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function holdsData(folder: string): Promise<boolean> {
  const names = await readdir(join(folder, "files")).catch(() => []);
  return existsSync(join(folder, databaseName)) || names.some((name) => /^\d+$/.test(name));
}

async function unpack(input: Readable, fresh: string): Promise<BackupManifest> {
  let manifest: BackupManifest | undefined;
  try {
    await pipeline(input, createGunzip(), async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const file of readTar(chunks)) {
        if (manifest === undefined) manifest = await readManifest(file);
        else await unpackFile(file, fresh);
      }
    });
  } catch (error) {
    if (isDamage(error)) throw invalid("", `this is no whole backup of \`parley backup\`: ${reasonOf(error)}`, error);
    throw error;
  }
  if (manifest === undefined || !existsSync(join(fresh, databaseName)))
    throw invalid("", "this is no whole backup of `parley backup`: it has no database");
  return manifest;
}

async function readManifest({ name, bytes, chunks }: TarFile): Promise<BackupManifest> {
  if (name !== entryNames.manifest || bytes > 10_000) throw new TarError(`it begins with ${name}`);
  const { success, data } = manifestForm.safeParse(parseJson(await textOf(chunks)));
  if (!success) throw new TarError("its description cannot be read");
  const newest = Math.max(...migrations.map(({ number }) => number));
  if (data.migration > newest) {
    throw invalid(
      "",
      `the backup was made by Parley ${data.version}, whose database has migration ${data.migration}; this version knows up to ${newest}: use that version or a newer one`,
    );
  }
  return data;
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString("utf8");
}

async function unpackFile({ name, chunks }: TarFile, fresh: string): Promise<void> {
  if (!contentName.test(name)) throw new TarError(`it holds ${name}`);
  const path = join(fresh, name);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await pipeline(chunks, createWriteStream(path, { flags: "wx", mode: 0o600, flush: true }));
}

/** Errors that say something of the archive, and not of this machine: of tar and of zlib. */
function isDamage(error: unknown): boolean {
  return (
    error instanceof TarError ||
    (error instanceof Error && "code" in error && /^(?:Z_|ERR_ZLIB)/.test(String(error.code)))
  );
}

function checkDatabase(path: string): void {
  try {
    using database = new DatabaseSync(path, { readOnly: true });
    const answer = database.prepare("pragma quick_check(1)").get();
    if (answer?.["quick_check"] !== "ok") throw new Error(String(answer?.["quick_check"]));
  } catch (error) {
    throw invalid("", `the database in the backup is damaged: ${reasonOf(error)}`, error);
  }
}

/** Throws `invalid` while another process has the database open: only the last one may leave the write-ahead log. */
function closeOld(path: string): void {
  if (!existsSync(path)) return;
  try {
    using database = new DatabaseSync(path);
    database.exec("pragma journal_mode = delete");
  } catch (error) {
    const code = sqliteCode(error);
    if (code === sqliteBusy) throw invalid("", `a server uses ${path}: stop it first`, error);
    // what is no database any more is what a backup is for
    if (code !== undefined && damage.has(code)) return;
    throw openFailure(path, error);
  }
}

/** CORRUPT, NOTADB. */
const damage: ReadonlySet<number> = new Set([11, 26]);

/** The database comes last: a folder with one is complete. */
async function replace(folder: string, fresh: string): Promise<void> {
  const old = [databaseName, `${databaseName}-wal`, `${databaseName}-shm`, "ledger", "files"];
  for (const name of old) await rm(join(folder, name), { recursive: true, force: true });
  for (const name of ["files", "ledger", databaseName]) {
    if (existsSync(join(fresh, name))) await rename(join(fresh, name), join(folder, name));
  }
}
