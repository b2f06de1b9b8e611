import { watch, type FSWatcher } from "node:fs";
import { basename, dirname } from "node:path";
import { createApp, type App } from "../app.ts";
import type { Config } from "../config/schema.ts";
import { createLog, logDestination } from "../telemetry/log.ts";
import { logProcess } from "./process-log.ts";
import { checkEngines, listenFault } from "./start-check.ts";
import { startScreen } from "./start-screen.ts";
import { stopOnSignal, stopTimes } from "./stop.ts";

/** Where the settings come from, to read them again. */
export interface Source {
  /** The YAML file, if there is one. */
  path: string | undefined;
  /** Whether the command line or the environment names the engine, and not the file. */
  engineIsGiven: boolean;
  /** Throws `ConfigError`. */
  load(): Config;
}

/** Starts the server, prints its URL, and stops cleanly on SIGTERM and SIGINT. */
export async function serve(config: Config, source: Source): Promise<void> {
  const log = createLog(config.log, logDestination(config.logFormat));
  logProcess(log);
  const app = await createApp(config, { log });
  const stopWatching = reloadOnChange(app, source);
  const stopped = stopOnSignal(app, stopTimes(config)).finally(stopWatching);
  try {
    await checkEngines(app, config, source.engineIsGiven);
    console.log(await startScreen(app, config, await app.listen()));
  } catch (error) {
    stopWatching();
    await app.close(0);
    throw listenFault(error, config.host, config.port);
  }
  await stopped;
}

/** Editors write a file in several steps: it is read when nothing has changed for this long. */
const settleMs = 200;

/** Takes over changed engines and models on SIGHUP and when the file changes. Returns how to stop. */
function reloadOnChange(app: App, source: Source): () => void {
  let timer: NodeJS.Timeout | undefined;
  const reloadSoon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void reload(app, source), settleMs);
  };
  process.on("SIGHUP", reloadSoon);
  const watcher = source.path === undefined ? undefined : watchFile(source.path, reloadSoon, app.log);
  return () => {
    clearTimeout(timer);
    process.off("SIGHUP", reloadSoon);
    watcher?.close();
  };
}

/** Watches the file's folder, because editors replace the file; logs a line where the system cannot watch. */
function watchFile(path: string, changed: () => void, log: App["log"]): FSWatcher | undefined {
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A file with a mistake changes nothing; the mistake is logged. */
async function reload(app: App, source: Source): Promise<void> {
  try {
    const needRestart = await app.reload(source.load());
    app.log.info({}, "settings read again: engines, models, keys, limits, money and moderation are up to date");
    if (needRestart.length > 0) app.log.warn({ settings: needRestart }, "changes of these settings need a restart");
  } catch (error) {
    app.log.error({ reason: messageOf(error) }, "settings not taken over");
  }
}
