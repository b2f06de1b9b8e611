import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { embeddedEngines, openSharedEngines } from "../app-embedded.ts";
import type { SettingsFile } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { checkWorkers } from "../config/workers.ts";
import { answerTimes } from "../supervisor/live-workers.ts";
import { restartTimes } from "../supervisor/restart-times.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { forkWorker, WorkerEnded } from "../supervisor/worker-process.ts";
import { createLog, logDestination, type Log } from "../telemetry/log.ts";
import { logProcess } from "./process-log.ts";
import { messageOf, reloadOnChange, reported } from "./reload.ts";
import type { Source } from "./serve.ts";
import { listenFault } from "./start-check.ts";
import { onStopSignals, secondSignal } from "./stop.ts";

/** Settings that belong to the server and not to a worker: another value waits for its restart. */
const ownSettings = ["host", "port", "workers", "log", "logFormat"] as const satisfies readonly (keyof Config)[];

/** Starts workers that serve, prints the URL, and ends when all of them have ended; sets the exit code. */
export async function supervise(config: Config, source: Source, file: SettingsFile | undefined): Promise<void> {
  const { workers, host, port } = config;
  const log = createLog(config.log, logDestination(config.logFormat));
  logProcess(log);
  await using shared = await openSharedEngines(log);
  const supervisor = new Supervisor<SettingsFile | undefined>({
    workers,
    settings: file,
    at: { host, port: port === 0 ? await freePort(host) : port },
    fork: forkWorker,
    restarts: restartTimes,
    answers: answerTimes,
    log,
    engineFolder: shared.folder,
    use: enginesOf(source, shared),
  });
  const read = (): SettingsFile | undefined => {
    const next = source.read();
    checkWorkers(source.load(next), workers);
    return next;
  };
  const reload = async (): Promise<readonly string[]> => supervisor.reload(read());
  const stopReloading = reloadOnChange(source.path, log, () => reported(reload, log));
  const roll = (): void => void rolled({ read, config, source, log, roll: (next) => supervisor.roll(next) });
  process.on("SIGUSR2", roll);
  const stopListening = onStopSignals({
    first: (signal) => {
      log.info({ signal }, "stopping all workers");
      void supervisor.stop({ signal, replaced: false });
    },
    second: (signal) => {
      log.warn({ signal }, secondSignal);
      supervisor.abort();
    },
  });
  try {
    await supervisor.start((screen) => console.log(screen));
    process.exitCode = await supervisor.finished;
  } catch (error) {
    // the worker has logged why
    if (!(error instanceof WorkerEnded)) throw error;
    process.exitCode = error.ending.code || 1;
  } finally {
    stopReloading();
    process.off("SIGUSR2", roll);
    stopListening();
  }
}

/**
 * Starts the embedded engines of files that are new, and ends those of the files that no worker uses any more. What is returned
 * throws `ConfigError`.
 */
function enginesOf(source: Source, shared: SharedEngines) {
  // a file was read once, and what it refers to may have changed since
  let known = new Map<SettingsFile | undefined, ReturnType<typeof embeddedEngines>>();
  return (files: ReadonlySet<SettingsFile | undefined>): void => {
    known = new Map([...files].map((file) => [file, known.get(file) ?? embeddedEngines(source.load(file))]));
    const engines = [...known.values()].flat();
    shared.add(engines);
    shared.keep(engines);
  };
}

/** One port for all workers, also for those that come later. */
async function freePort(host: string): Promise<number> {
  const probe = createServer().listen(0, host);
  try {
    await once(probe, "listening");
    return (probe.address() as AddressInfo).port;
  } catch (error) {
    throw listenFault(error, host, 0);
  } finally {
    probe.close();
  }
}

type SharedEngines = Awaited<ReturnType<typeof openSharedEngines>>;

interface Rolling {
  /** Reads and checks the file. */
  read: () => SettingsFile | undefined;
  /** The settings that the supervisor started with. */
  config: Config;
  source: Source;
  log: Log;
  roll: (file: SettingsFile | undefined) => Promise<void>;
}

async function rolled({ read, config, source, log, roll }: Rolling): Promise<void> {
  try {
    const file = read();
    const next = source.load(file);
    const waiting = ownSettings.filter((name) => next[name] !== config[name]);
    if (waiting.length > 0) log.warn({ settings: waiting }, "changes of these settings need a restart");
    log.info({}, "rolling restart: workers are replaced one after another");
    await roll(file);
    log.info({}, "rolling restart: all workers were replaced");
  } catch (error) {
    log.error({ reason: messageOf(error) }, "the rolling restart ended before all workers were replaced");
  }
}
