import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { ownerState } from "./owner.ts";

export interface AbandonedOptions {
  /** What stands before the owned name (`owner.ts`) in the names that are looked at. */
  prefix: string;
  /** What another machine or container made is abandoned when it was not changed for this long, in milliseconds. */
  unchangedMs: number;
  /** Milliseconds since the Unix epoch. */
  now: number;
}

/**
 * Deletes the files and folders directly in `folder` that ended processes of this user left; never those of a process
 * that runs. A folder that is not there holds nothing.
 */
export async function deleteAbandoned(folder: string, { prefix, unchangedMs, now }: AbandonedOptions): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  });
  for (const name of names.filter((one) => one.startsWith(prefix))) {
    const state = ownerState(name.slice(prefix.length));
    if (state === "running") continue;
    const path = join(folder, name);
    const found = await lstat(path).catch(() => undefined);
    // a folder for temporary files is open to other users
    if (found === undefined || (process.getuid !== undefined && found.uid !== process.getuid())) continue;
    if (state === "gone" || now - found.mtimeMs > unchangedMs) await rm(path, { recursive: true, force: true });
  }
}
