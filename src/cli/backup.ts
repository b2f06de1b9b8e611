import { existsSync } from "node:fs";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import type { Config } from "../config/schema.ts";
import { version } from "../lib/version.ts";
import { invalid } from "../model/error.ts";
import type { CommandTools, Flags } from "./command.ts";

/** Loaded only when the command runs. */
const lazy = {
  backup: () => import("../store/backup.ts"),
  restore: () => import("../store/restore.ts"),
};

/** `parley backup` and `parley restore`: the data folder as one file. */
export function addBackup(program: Command, { command, settings }: CommandTools): void {
  command(program, "backup", "copy the database and the uploaded files into one file, also while the server runs")
    .argument("<file>", "a new .tar.gz file; - writes standard output")
    .option("--force", "replace a file that is there")
    .option("--json", "report as JSON")
    .action((file: string, flags: Flags) => runBackup(settings(flags), file, flags));
  command(program, "restore", "put a backup into the data folder; no server may run on it")
    .argument("<file>", "a file of `backup`; - reads standard input")
    .option("--force", "replace what the data folder holds")
    .option("--json", "report as JSON")
    .action((file: string, flags: Flags) => runRestore(settings(flags), file, flags));
}

async function runBackup(config: Config, file: string, flags: Flags): Promise<void> {
  refusePostgres(config, "pg_dump");
  const { backUp } = await lazy.backup();
  const onDisk = config.files.store === "disk";
  const options = { version, files: onDisk, nowMs: Date.now() };
  const report = (done: { files: number; bytes: number }): string => {
    const place = file === "-" ? "standard output" : file;
    if (flags["json"] === true) return JSON.stringify({ file: place, ...done });
    const what = `the database and ${done.files} uploaded ${done.files === 1 ? "file" : "files"}`;
    const bucket = onDisk ? "" : "; uploaded files are in the bucket (files.s3), which this does not copy";
    return `${what} (${(done.bytes / 1e6).toFixed(1)} MB) of ${resolve(config.data)} are in ${place}${bucket}`;
  };
  if (file === "-") {
    if (process.stdout.isTTY) throw invalid("", "standard output is a terminal: name a file, or redirect it");
    const done = await backUp(config.data, process.stdout, { ...options, scratch: tmpdir() });
    process.stderr.write(`${report(done)}\n`);
    return;
  }
  if (flags["force"] !== true && existsSync(file)) throw invalid("", `${file} is there already; --force replaces it`);
  // a backup that breaks off leaves no file that looks whole
  const part = `${file}.part`;
  // a handle that is left open ends the process when it is collected, where nothing is written to its stream
  await using handle = await opened(part, "w");
  const output = handle.createWriteStream({ flush: true });
  try {
    const done = await backUp(config.data, output, { ...options, scratch: dirname(resolve(file)) });
    await rename(part, file);
    console.log(report(done));
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function runRestore(config: Config, file: string, flags: Flags): Promise<void> {
  refusePostgres(config, "pg_restore or psql");
  const { restore } = await lazy.restore();
  await using handle = file === "-" ? undefined : await opened(file, "r");
  const input = handle?.createReadStream() ?? process.stdin;
  const done = await restore(config.data, input, { force: flags["force"] === true, nowMs: Date.now() });
  const folder = resolve(config.data);
  if (flags["json"] === true) console.log(JSON.stringify({ data: folder, madeAt: done.madeAt, version: done.version }));
  else console.log(`${folder} holds the backup of ${done.madeAt}, made by Parley ${done.version}`);
}

/** A new file is its owner's only. Throws `invalid`, naming the file. */
function opened(file: string, flags: string): Promise<FileHandle> {
  return open(file, flags, 0o600).catch((error: unknown) => {
    throw invalid("", error instanceof Error ? error.message : String(error), error);
  });
}

function refusePostgres({ store, data }: Config, tools: string): void {
  if (store.url === undefined) return;
  throw invalid(
    "",
    `the database is PostgreSQL (store.url): use ${tools} for it, and copy ${resolve(data, "files")} where uploaded files are on the disk (docs/running.md)`,
  );
}
