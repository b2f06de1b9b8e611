import { watch, type FSWatcher } from "node:fs";
import { basename, dirname } from "node:path";
import type { Log } from "../telemetry/log.ts";

/** Editors write a file in several steps: it is read when nothing has changed for this long. */
const settleMs = 200;

/** Reads settings again on SIGHUP, and when the file at `path` changes. Returns how to stop. */
export function reloadOnChange(path: string | undefined, log: Log, reload: () => Promise<void>): () => void {
  let timer: NodeJS.Timeout | undefined;
  const reloadSoon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void reload(), settleMs);
  };
  process.on("SIGHUP", reloadSoon);
  const watcher = path === undefined ? undefined : watchFile(path, reloadSoon, log);
  return () => {
    clearTimeout(timer);
    process.off("SIGHUP", reloadSoon);
    watcher?.close();
  };
}

/** Watches the file's folder, because editors replace the file; logs a line where the system cannot watch. */
function watchFile(path: string, changed: () => void, log: Log): FSWatcher | undefined {
  const failed = (error: unknown): void =>
    log.warn({ path, reason: messageOf(error) }, "the settings file is not watched; SIGHUP reads it again");
  try {
    const watcher = watch(dirname(path), (_event, name) => {
      if (name === null || name === basename(path)) changed();
    });
    return watcher.on("error", failed);
  } catch (error) {
    failed(error);
    return undefined;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Takes over settings with `reload`, which returns the names of changed ones that need a restart. A file with a mistake
 * changes nothing; the mistake is logged. Never rejects.
 */
export async function reported(reload: () => Promise<readonly string[]>, log: Log): Promise<void> {
  try {
    const needRestart = await reload();
    log.info({}, "settings read again: engines, models, keys, limits, money and moderation are up to date");
    if (needRestart.length > 0) log.warn({ settings: needRestart }, "changes of these settings need a restart");
  } catch (error) {
    log.error({ reason: messageOf(error) }, "settings not taken over");
  }
}
