import { createApp } from "../app.ts";
import { checkWorkers } from "../config/workers.ts";
import type { SettingsFile } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { createLog, logDestination } from "../telemetry/log.ts";
import { logProcess } from "./process-log.ts";
import { reloadOnChange, reported } from "./reload.ts";
import { checkEngines, listenFault } from "./start-check.ts";
import { startScreen } from "./start-screen.ts";
import { stopOnSignal, stopTimes } from "./stop.ts";

/** Where the settings come from, to read them again. */
export interface Source {
  /** The YAML file, if there is one. */
  path: string | undefined;
  /** Whether the command line or the environment names the engine, and not the file. */
  engineIsGiven: boolean;
  /** Reads the file. Throws `ConfigError`. */
  read(): SettingsFile | undefined;
  /** All settings, with what was read of the file before; without that the file is read now. Throws `ConfigError`. */
  load(file?: SettingsFile): Config;
}

/** Starts the server, prints its URL, and stops cleanly on SIGTERM and SIGINT. */
export async function serve(config: Config, source: Source): Promise<void> {
  const log = createLog(config.log, logDestination(config.logFormat));
  logProcess(log);
  const app = await createApp(config, { log });
  const reload = (): Promise<readonly string[]> => {
    const next = source.load();
    checkWorkers(next, 1);
    return app.reload(next);
  };
  // by default the signal would end the process
  process.on("SIGUSR2", () => log.warn({}, "a rolling restart needs workers: one process cannot take its own place"));
  const stopWatching = reloadOnChange(source.path, log, () => reported(reload, log));
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
