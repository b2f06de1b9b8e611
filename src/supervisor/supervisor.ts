import { setTimeout as wait } from "node:timers/promises";
import type { Log } from "../telemetry/log.ts";
import type { Address, StopOrder, SupervisorCalls } from "./message.ts";
import { endingText, WorkerEnded, type Ending, type WorkerProcess } from "./worker-process.ts";
import { WorkerMetrics } from "./worker-metrics.ts";

/** When a worker that ended by itself is started again; in milliseconds. */
export interface RestartTimes {
  /** Before the second try; the first one is made at once, each further one after twice the time. */
  firstMs: number;
  mostMs: number;
  /** A worker that served for so long has not failed. */
  stableMs: number;
  /** Ends in a row, each soon after the start, with which the server stops. */
  maxFailures: number;
}

/** About two minutes until the server stops: long enough for a database that is started again. */
export const restartTimes: RestartTimes = { firstMs: 500, mostMs: 30_000, stableMs: 60_000, maxFailures: 10 };

/** The pause before a worker is started again, by the number of its failures in a row. */
export function restartDelayMs(failures: number, { firstMs, mostMs }: RestartTimes): number {
  return failures <= 1 ? 0 : Math.min(mostMs, firstMs * 2 ** (failures - 2));
}

export interface SupervisorOptions<Settings> {
  workers: number;
  /** What workers start with. */
  settings: Settings;
  /** Where they listen. */
  at: Address;
  /** Where they find embedded engines, each in a process of its own. */
  engineFolder?: string | undefined;
  /** Starts a process. */
  fork(number: number, offered: SupervisorCalls): WorkerProcess<Settings>;
  restarts: RestartTimes;
  log: Log;
}

/** A place among the workers; the processes in it come and go. */
interface Slot<Settings> {
  number: number;
  /** The one that serves. */
  worker: WorkerProcess<Settings> | undefined;
  /** Ends in a row, each soon after the start. */
  failures: number;
  /** When the worker began to serve, in milliseconds of a clock that is never set. */
  since: number;
}

/** npm, a terminal and systemd send a signal to every process: what comes so soon is the same wish as the supervisor's. */
const sameSignalMs = 250;
/** After a second signal, what has not ended within this time is killed. */
const abortMs = 5_000;

/**
 * Keeps a number of workers running that serve one port. It serves nothing itself and reads no settings; those pass through it
 * to the workers.
 */
export class Supervisor<Settings> {
  /** What all workers measured. */
  readonly metrics: WorkerMetrics;
  /** Resolves when all workers have ended, with the exit code of the whole server. */
  readonly finished: Promise<number>;
  // fixed at birth
  private readonly options: SupervisorOptions<Settings>;
  private readonly slots: Slot<Settings>[];
  private readonly finish: (exitCode: number) => void;
  // changed by events
  /** Every process that has not ended; `start` adds, its end removes. */
  private readonly live = new Set<WorkerProcess<Settings>>();
  /** What a new worker starts with; changed by `roll`. */
  private settings: Settings;
  /** What was read since and is in use; changed by `reload`, forgotten by `roll`. */
  private reloaded: Settings | undefined;
  /** Set by `stop`: nothing is started any more. */
  private stopping = false;
  /** The reload or rolling restart under way; the next one waits for it. */
  private changing: Promise<unknown> = Promise.resolve();

  constructor(options: SupervisorOptions<Settings>) {
    this.options = options;
    this.settings = options.settings;
    this.slots = Array.from({ length: options.workers }, (_, index) => {
      return { number: index + 1, worker: undefined, failures: 0, since: 0 };
    });
    this.metrics = new WorkerMetrics(() => [...this.live]);
    const { promise, resolve } = Promise.withResolvers<number>();
    this.finished = promise;
    this.finish = resolve;
  }

  /**
   * Starts the first worker, which brings the database up to date and makes the first key, then the others. `onFirst` is
   * called with its screen when the port is open. Throws `WorkerEnded` where one does not start; then all others have ended.
   */
  async start(onFirst: (screen: string) => void): Promise<void> {
    const [first, ...others] = this.slots;
    if (first === undefined) return;
    try {
      onFirst(await this.serve(first, true));
      if (this.stopping) return;
      await Promise.all(others.map((slot) => this.serve(slot)));
      this.options.log.info({ workers: this.slots.length }, "all workers serve");
    } catch (error) {
      await this.stop({ signal: "a worker does not start", replaced: false });
      throw error;
    }
  }

  /** Takes over other settings in all workers, or in none: then it throws why. Returns changed settings that need a restart. */
  reload(settings: Settings): Promise<readonly string[]> {
    return this.inTurn(async () => {
      const workers = this.serving();
      const needRestart = await takeOver(workers, settings);
      this.reloaded = settings;
      return needRestart;
    });
  }

  /**
   * Replaces one worker after another: the new one serves before the old one closes the port. Throws where one does not start;
   * the workers that were not replaced yet go on.
   */
  roll(settings: Settings): Promise<void> {
    return this.inTurn(async () => {
      const before = { settings: this.settings, reloaded: this.reloaded };
      this.settings = settings;
      this.reloaded = undefined;
      for (const slot of this.slots) {
        if (this.stopping) return;
        await this.replace(slot).catch((error: unknown) => {
          // where none was replaced, all go on with what they had
          if (slot.number === 1) Object.assign(this, before);
          throw error;
        });
      }
    });
  }

  /** Lets every worker end what it does; `finished` resolves then. */
  async stop(order: StopOrder, exitCode = 0): Promise<void> {
    this.stopping = true;
    await Promise.all([...this.live].map((worker) => this.end(worker, order)));
    this.finish(exitCode);
  }

  /** Ends everything now. */
  abort(): void {
    for (const worker of this.live) worker.calls.call("abort").catch(() => undefined);
    setTimeout(() => {
      for (const worker of this.live) worker.kill();
    }, abortMs).unref();
  }

  private serving(): WorkerProcess<Settings>[] {
    return this.slots.flatMap(({ worker }) => (worker === undefined ? [] : [worker]));
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.changing.then(work);
    this.changing = turn.catch(() => undefined);
    return turn;
  }

  /** Starts a process for a place; it takes the place when it serves. Throws `WorkerEnded`. */
  private async serve(slot: Slot<Settings>, isFirst = false): Promise<string> {
    const { number } = slot;
    const offered: SupervisorCalls = {
      metricsText: () => this.metrics.text(),
      replace: async () => void this.replaceOnWish(slot, worker),
    };
    const worker = this.options.fork(number, offered);
    this.live.add(worker);
    void worker.ended.then((ending) => this.ended(slot, worker, ending));
    const screen = await this.started(worker, isFirst).catch((error: unknown) => {
      worker.kill();
      throw error;
    });
    if (!this.live.has(worker)) throw new WorkerEnded(number, await worker.ended);
    Object.assign(slot, { worker, since: performance.now() });
    return screen;
  }

  /** Resolves when a process serves, with the settings that are in use. */
  private async started(worker: WorkerProcess<Settings>, isFirst: boolean): Promise<string> {
    const { settings, reloaded, options } = this;
    const { number, calls } = worker;
    const { at, engineFolder } = options;
    const screen = await calls.call("start", { number, isFirst, settings, reloaded, at, engineFolder });
    for (let taken = reloaded; this.reloaded !== undefined && this.reloaded !== taken;) {
      taken = this.reloaded;
      await takeOver([worker], taken);
    }
    return screen;
  }

  private async replace(slot: Slot<Settings>): Promise<void> {
    const old = slot.worker;
    // without one it is being started again anyway
    if (old === undefined) return;
    await this.serve(slot);
    this.options.log.info({ worker: slot.number }, "a new worker serves; the one before it ends what it does");
    await this.end(old, { signal: "replaced", replaced: true });
  }

  /** A worker got the signal itself. */
  private async replaceOnWish(slot: Slot<Settings>, worker: WorkerProcess<Settings>): Promise<void> {
    await wait(sameSignalMs);
    if (this.stopping || slot.worker !== worker) return;
    await this.inTurn(() => this.replace(slot)).catch((error: unknown) => {
      this.options.log.error({ worker: slot.number, reason: String(error) }, "the worker could not be replaced");
    });
  }

  /** Stops a worker and resolves when its process is over. */
  private async end(worker: WorkerProcess<Settings>, order: StopOrder): Promise<void> {
    await worker.calls.call("stop", order).then(
      (measured) => {
        worker.measured = measured;
        worker.disconnect();
      },
      // it ended before it answered
      () => undefined,
    );
    await worker.ended;
  }

  private ended(slot: Slot<Settings>, worker: WorkerProcess<Settings>, ending: Ending): void {
    this.live.delete(worker);
    this.metrics.retire(worker);
    // one that did not serve yet, or was replaced
    if (slot.worker !== worker) return;
    slot.worker = undefined;
    if (!this.stopping) void this.restart(slot, ending);
  }

  /** Starts a worker again, after a pause that grows; ends the server where that does not help. */
  private async restart(slot: Slot<Settings>, first: Ending): Promise<void> {
    const { restarts, log } = this.options;
    const { number } = slot;
    if (performance.now() - slot.since >= restarts.stableMs) slot.failures = 0;
    for (let ending = first; ;) {
      slot.failures += 1;
      const reason = endingText(ending);
      if (slot.failures >= restarts.maxFailures) return this.giveUp(slot, reason);
      const delayMs = restartDelayMs(slot.failures, restarts);
      log.error({ worker: number, reason, seconds: delayMs / 1000 }, "a worker ended by itself and is started again");
      await wait(delayMs);
      if (this.stopping) return;
      try {
        await this.serve(slot);
        this.metrics.restarts.add({});
        log.info({ worker: number }, "the worker serves again");
        return;
      } catch (error) {
        if (this.stopping) return;
        ending = error instanceof WorkerEnded ? error.ending : { code: 1, signal: null };
      }
    }
  }

  private giveUp({ number, failures }: Slot<Settings>, reason: string): void {
    this.options.log.error({ worker: number, failures, reason }, "a worker ends again and again: the server stops");
    void this.stop({ signal: "a worker ends again and again", replaced: false }, 1);
  }
}

/** Takes over settings in all workers or in none. */
async function takeOver<Settings>(workers: readonly WorkerProcess<Settings>[], settings: Settings) {
  const [first] = workers;
  try {
    await Promise.all(workers.map(({ calls }) => calls.call("prepare", settings)));
    await first?.calls.call("declare");
  } catch (error) {
    await Promise.allSettled(workers.map(({ calls }) => calls.call("discard")));
    throw error;
  }
  // one that ends at this moment is started again with these settings
  const adopted = await Promise.allSettled(workers.map(({ calls }) => calls.call("adopt")));
  return adopted.find((one) => one.status === "fulfilled")?.value ?? [];
}
