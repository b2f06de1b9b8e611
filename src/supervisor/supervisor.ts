import { setTimeout as wait } from "node:timers/promises";
import type { Log } from "../telemetry/log.ts";
import type { Address, StopOrder, SupervisorCalls } from "./message.ts";
import { latest, LiveWorkers, type AnswerTimes, type InUse } from "./live-workers.ts";
import { restartDelayMs, type RestartTimes } from "./restart-times.ts";
import { endingOf, endingText, WorkerEnded, type Ending, type WorkerProcess } from "./worker-process.ts";
import { WorkerMetrics } from "./worker-metrics.ts";

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
  answers: AnswerTimes;
  /**
   * Called with all settings that processes use or are about to use: when the server starts, before a change and after it.
   * Throws where they cannot be used; then nothing changes.
   */
  use?: ((settings: ReadonlySet<Settings>) => void) | undefined;
  log: Log;
}

/** A place among the workers; the processes in it come and go. */
interface Slot<Settings> {
  number: number;
  /** The one that serves. */
  worker: WorkerProcess<Settings> | undefined;
  /** Resolves when the process that is being started for this place serves, or does not; there is one at most. */
  starting: Promise<unknown> | undefined;
  /** Ends in a row, each soon after the start. */
  failures: number;
  /** When the worker began to serve, in milliseconds of a clock that is never set. */
  since: number;
}

/** npm, a terminal and systemd send a signal to every process: what comes so soon is the same wish as the supervisor's. */
const sameSignalMs = 250;
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
  /** Every process that has not ended; `launch` adds, its end removes. */
  private readonly live: LiveWorkers<Settings>;
  /** What a new worker uses; changed by `reload` and `roll`. */
  private inUse: InUse<Settings>;
  /** Aborted by `stop`: nothing is started any more, and nothing waits for a time. */
  private readonly stopping = new AbortController();
  /** The reload or rolling restart under way; the next one waits for it. */
  private changing: Promise<unknown> = Promise.resolve();

  constructor(options: SupervisorOptions<Settings>) {
    this.options = options;
    this.inUse = { first: { settings: options.settings }, reloaded: undefined };
    this.slots = Array.from({ length: options.workers }, (_, index) => {
      return { number: index + 1, worker: undefined, starting: undefined, failures: 0, since: 0 };
    });
    this.live = new LiveWorkers(options.answers, options.log);
    this.metrics = new WorkerMetrics(() => this.live.all());
    const { promise, resolve } = Promise.withResolvers<number>();
    this.finished = promise;
    this.finish = resolve;
  }

  /**
   * Starts the first worker, which brings the database up to date and makes the first key, then the others. `onFirst` is
   * called with its screen when the port is open. Throws `WorkerEnded` where one does not start; then all others have ended.
   */
  async start(onFirst: (screen: string) => void): Promise<void> {
    this.announce();
    const [first, ...others] = this.slots;
    if (first === undefined) return;
    try {
      onFirst(await this.serve(first, true));
      if (this.stopping.signal.aborted) return;
      await Promise.all(others.map((slot) => this.serve(slot)));
      this.options.log.info({ workers: this.slots.length }, "all workers serve");
    } catch (error) {
      await this.stop({ signal: "a worker does not start", replaced: false });
      throw error;
    }
  }

  /** Takes over other settings in all workers, or in none: then it throws why. Returns changed settings that need a restart. */
  reload(settings: Settings): Promise<readonly string[]> {
    return this.change(settings, async () => {
      const reloaded = { settings };
      const { needRestart, failed } = await this.live.takeOver(this.serving(), reloaded);
      this.inUse = { ...this.inUse, reloaded };
      for (const [{ number: worker }, error] of failed)
        this.options.log.error({ worker, reason: String(error) }, "a worker did not take over settings");
      for (const slot of this.slots) if (slot.worker !== undefined && failed.has(slot.worker)) this.updateSoon(slot);
      return needRestart;
    });
  }

  /**
   * Replaces one worker after another: the new one serves before the old one closes the port. Throws where one does not start;
   * the workers that were not replaced yet go on.
   */
  roll(settings: Settings): Promise<void> {
    return this.change(settings, async () => {
      const before = this.inUse;
      this.inUse = { first: { settings }, reloaded: undefined };
      let replaced = 0;
      for (const slot of this.slots) {
        await slot.starting?.catch(() => undefined);
        if (slot.worker === undefined || this.live.inUseOf(slot.worker)?.first === this.inUse.first) continue;
        try {
          await this.replace(slot);
        } catch (error) {
          // where none was replaced, all go on with what they had
          if (replaced === 0) this.inUse = before;
          throw error;
        }
        replaced += 1;
      }
    });
  }

  /** Lets every worker end what it does; `finished` resolves then. */
  async stop(order: StopOrder, exitCode = 0): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.live.all().map((worker) => this.live.end(worker, order)));
    this.finish(exitCode);
  }

  /** Ends everything now. */
  abort(): void {
    this.live.abort();
  }

  private serving(): WorkerProcess<Settings>[] {
    return this.slots.flatMap(({ worker }) => (worker === undefined ? [] : [worker]));
  }

  /** Changes settings when no other change is under way. */
  private change<T>(settings: Settings, work: () => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      this.announce(settings);
      try {
        return await work();
      } finally {
        this.announce();
      }
    });
  }

  private announce(...next: Settings[]): void {
    this.options.use?.(new Set([...this.live.settings(), latest(this.inUse), ...next]));
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.changing.then(work);
    this.changing = turn.catch(() => undefined);
    return turn;
  }

  /** Starts a process for a place; it takes the place when it serves. Throws `WorkerEnded`, and where the server stops. */
  private async serve(slot: Slot<Settings>, isFirst = false): Promise<string> {
    if (this.stopping.signal.aborted) throw new Error("the server stops");
    const worker = this.launch(slot);
    const started = this.started(worker, isFirst);
    slot.starting = started;
    try {
      const screen = await started;
      Object.assign(slot, { worker, since: performance.now() });
      this.live.watch(worker);
      // a change under way may have missed it
      this.updateSoon(slot);
      return screen;
    } finally {
      slot.starting = undefined;
    }
  }

  private launch(slot: Slot<Settings>): WorkerProcess<Settings> {
    const worker: WorkerProcess<Settings> = this.options.fork(slot.number, {
      metricsText: () => this.metrics.text(),
      replace: async () => void this.replaceOnWish(slot, worker),
    });
    this.live.add(worker, this.inUse);
    void worker.ended.then((ending) => this.ended(slot, worker, ending));
    return worker;
  }

  /** Resolves when a process serves. */
  private async started(worker: WorkerProcess<Settings>, isFirst: boolean): Promise<string> {
    const { number, calls } = worker;
    const { at, engineFolder } = this.options;
    const { first, reloaded } = this.inUse;
    const order = { number, isFirst, settings: first.settings, reloaded: reloaded?.settings, at, engineFolder };
    const screen = await calls.call("start", order).catch((error: unknown) => {
      worker.kill();
      throw error;
    });
    if (this.live.inUseOf(worker) === undefined) throw new WorkerEnded(number, await worker.ended);
    return screen;
  }

  private updateSoon(slot: Slot<Settings>): void {
    const { worker } = slot;
    if (worker !== undefined) void this.inTurn(() => this.update(slot, worker));
  }

  /** Gives a worker what came while it was being started, or what it did not take over; replaces it where it cannot take that over. */
  private async update(slot: Slot<Settings>, worker: WorkerProcess<Settings>): Promise<void> {
    const { inUse, options } = this;
    const uses = this.live.inUseOf(worker);
    if (slot.worker !== worker || uses === undefined || this.stopping.signal.aborted) return;
    if (uses.first === inUse.first && uses.reloaded === inUse.reloaded) return;
    const { number } = slot;
    try {
      if (uses.first === inUse.first && inUse.reloaded !== undefined) {
        await this.live.takeOver([worker], inUse.reloaded);
        return this.announce();
      }
      options.log.info({ worker: number }, "the settings changed while a worker started: it is replaced");
    } catch (error) {
      options.log.error(
        { worker: number, reason: String(error) },
        "a worker did not take over settings: it is replaced",
      );
    }
    await this.replaceOrLog(slot);
    this.announce();
  }

  private async replace(slot: Slot<Settings>): Promise<void> {
    const old = slot.worker;
    // without one it is being started again anyway
    if (old === undefined || this.stopping.signal.aborted) return;
    try {
      await this.serve(slot);
    } catch (error) {
      if (slot.worker === undefined && !this.stopping.signal.aborted) void this.restart(slot, endingOf(error));
      throw error;
    }
    this.options.log.info({ worker: slot.number }, "a new worker serves; the one before it ends what it does");
    await this.live.end(old, { signal: "replaced", replaced: true });
  }

  /** A worker got the signal itself. */
  private async replaceOnWish(slot: Slot<Settings>, worker: WorkerProcess<Settings>): Promise<void> {
    await this.pause(sameSignalMs);
    if (slot.worker !== worker) return;
    await this.inTurn(async () => {
      if (slot.worker === worker) await this.replaceOrLog(slot);
    });
  }

  private async replaceOrLog(slot: Slot<Settings>): Promise<void> {
    await this.replace(slot).catch((error: unknown) => {
      this.options.log.error({ worker: slot.number, reason: String(error) }, "the worker could not be replaced");
    });
  }

  private ended(slot: Slot<Settings>, worker: WorkerProcess<Settings>, ending: Ending): void {
    this.live.remove(worker);
    this.metrics.retire(worker);
    // one that did not serve yet, or was replaced
    if (slot.worker !== worker) return;
    slot.worker = undefined;
    if (this.stopping.signal.aborted) return;
    if (slot.starting === undefined) return void this.restart(slot, ending);
    // the one that is to replace it takes the place
    this.metrics.restarts.add({});
    this.options.log.error(
      { worker: slot.number, reason: endingText(ending) },
      "a worker ended by itself; another one starts",
    );
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
      await this.pause(delayMs);
      if (this.stopping.signal.aborted) return;
      try {
        await this.serve(slot);
        this.metrics.restarts.add({});
        log.info({ worker: number }, "the worker serves again");
        return;
      } catch (error) {
        if (this.stopping.signal.aborted) return;
        ending = endingOf(error);
      }
    }
  }

  /** Ends early where the server stops. */
  private async pause(delayMs: number): Promise<void> {
    await wait(delayMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }

  private giveUp({ number, failures }: Slot<Settings>, reason: string): void {
    this.options.log.error({ worker: number, failures, reason }, "a worker ends again and again: the server stops");
    void this.stop({ signal: "a worker ends again and again", replaced: false }, 1);
  }
}
