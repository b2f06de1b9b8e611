import { copyFile, mkdir, readFile, realpath, rename, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { diff } from "node:util";
import type { ClientFile } from "./client.ts";
import { mergedText } from "./merge.ts";

/** What writing one file would do. */
export interface FileChange {
  /** Where the bytes are: a link is followed, so that it stays one. */
  path: string;
  /** `undefined`: there is no such file yet. */
  before: string | undefined;
  after: string;
}

/** Reads what stands there and makes the merged text; writes nothing. Throws `invalid` where it cannot be merged. */
export async function planChange(file: ClientFile, path: string): Promise<FileChange> {
  const real = await realpath(path).catch(() => path);
  const before = await readFile(real, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return { path: real, before, after: mergedText(file, before ?? "") };
}

export function isChange({ before, after }: FileChange): boolean {
  return before !== after;
}

/** The lines that go and come, with `-` and `+` before them; other lines may hold secrets and are not shown. */
export function changeLines({ before = "", after }: FileChange): string[] {
  const rows = (text: string): string[] => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));
  // an entry is [operation, line]; 1: only in the first list, -1: only in the second
  return diff(rows(before), rows(after)).flatMap(([operation, row]) =>
    operation === 0 ? [] : [`${operation === 1 ? "-" : "+"} ${row}`],
  );
}

/** Writes the file, whole or not at all, with a copy of the earlier one beside it. Returns the copy's path, if there is one. */
export async function writeChange({ path, before, after }: FileChange, time: Date): Promise<string | undefined> {
  await mkdir(dirname(path), { recursive: true });
  const stamp = time.toISOString().replaceAll(/[:.]/g, "-");
  const backup = before === undefined ? undefined : `${path}.${stamp}.bak`;
  if (backup !== undefined) await copyFile(path, backup);
  const mode = before === undefined ? 0o600 : (await stat(path)).mode;
  const part = `${path}.${stamp}.part`;
  await writeFile(part, after, { mode });
  await rename(part, path);
  return backup;
}
