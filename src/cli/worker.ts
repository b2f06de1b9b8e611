import { createApp, type App, type Listening, type PreparedConfig } from "../app.ts";
import type { SettingsFile } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { Channel, type Peer } from "../supervisor/channel.ts";
import type { StartOrder, StopOrder, SupervisorCalls, WorkerCalls } from "../supervisor/message.ts";
import { createLog, logDestination, type LogFormat } from "../telemetry/log.ts";
import type { MetricFamily } from "../telemetry/metrics.ts";
import { logFailedStart, logProcess } from "./process-log.ts";
import type { Source } from "./serve.ts";
import { checkEngines, listenFault } from "./start-check.ts";
import { startScreen } from "./start-screen.ts";
import { stopInSteps, stopTimes } from "./stop.ts";

type Settings = SettingsFile | undefined;

/** The app of a worker, once its port is open. */
interface Serving {
  app: App;
  config: Config;
  listening: Listening;
}

/** Serves as one of several processes, as the supervisor says: it sends the settings, and the signals that came to it. */
export function serveAsWorker(source: Source, format: LogFormat): void {
  const worker = new WorkerServer(source, format);
  // a terminal and systemd signal every process of a group: what all are to do comes from the supervisor
  for (const signal of ["SIGINT", "SIGHUP", "SIGUSR2"] as const) process.on(signal, () => undefined);
  process.on("SIGTERM", () => worker.leave());
  // it has stopped, or there is no supervisor any more
  process.once("disconnect", () => process.exit());
}

class WorkerServer {
  // fixed at birth
  private readonly source: Source;
  private readonly channel: Channel<SupervisorCalls>;
  private readonly second = new AbortController();
  // changed by events
  /** The form of the log; that of the settings once they are read. */
  private format: LogFormat;
  /** Set by `start`. */
  private serving: Promise<Serving> | undefined;
  /** Settings between `prepare` and `adopt` or `discard`. */
  private prepared: PreparedConfig | undefined;
  /** Set by the first `stop`. */
  private stopping: Promise<void> | undefined;

  constructor(source: Source, format: LogFormat) {
    this.source = source;
    this.format = format;
    const calls: WorkerCalls<Settings> = {
      start: (order) => this.start(order),
      prepare: async (settings) => {
        const { app } = await this.app();
        await this.discard();
        this.prepared = app.prepare(this.source.load(settings));
      },
      declare: async () => this.prepared?.declare(),
      adopt: async () => {
        const { prepared } = this;
        this.prepared = undefined;
        return prepared?.adopt() ?? [];
      },
      discard: () => this.discard(),
      ping: async () => undefined,
      measure: async () => (await this.app()).app.metrics.snapshot(),
      stop: (order) => this.stop(order),
      abort: async () => this.second.abort(),
    };
    this.channel = new Channel(process as Peer, calls);
  }

  /** Asks for another worker in the place of this one, which then ends. */
  leave(): void {
    this.channel.call("replace").catch(() => undefined);
  }

  private async start(order: StartOrder<Settings>): Promise<string> {
    this.serving = this.open(order).catch((error: unknown) => {
      process.exit(logFailedStart(error, this.format));
    });
    const { app, config, listening } = await this.serving;
    return order.isFirst ? startScreen(app, config, listening) : "";
  }

  private async open(order: StartOrder<Settings>): Promise<Serving> {
    const { number, isFirst, settings, reloaded, at, engineFolder } = order;
    const config = this.source.load(settings);
    this.format = config.logFormat;
    const log = createLog(config.log, logDestination(config.logFormat), { worker: number });
    logProcess(log);
    const metricsText = (): Promise<string> => this.channel.call("metricsText");
    const app = await createApp(config, { log, worker: { number, metricsText }, engineFolder });
    try {
      if (reloaded !== undefined) await app.reload(this.source.load(reloaded));
      if (isFirst) await checkEngines(app, config, this.source.engineIsGiven);
      return { app, config, listening: await app.listen(at) };
    } catch (error) {
      await app.close(0);
      throw listenFault(error, at.host, at.port);
    }
  }

  private async app(): Promise<Serving> {
    if (this.serving === undefined) throw new Error("the worker was not started yet");
    return this.serving;
  }

  private async discard(): Promise<void> {
    const { prepared } = this;
    this.prepared = undefined;
    await prepared?.discard();
  }

  private async stop({ signal, replaced }: StopOrder): Promise<MetricFamily[]> {
    const { app, config } = await this.app();
    this.stopping ??= stopInSteps(app, { ...stopTimes(config), signal, replaced, second: this.second.signal });
    await this.stopping;
    return app.metrics.snapshot();
  }
}
