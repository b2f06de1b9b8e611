import type { Log } from "../telemetry/log.ts";
import type { StopOrder } from "./message.ts";
import { takeOver, type TakenOver } from "./take-over.ts";
import type { WorkerProcess } from "./worker-process.ts";
import type { AnswerTimes } from "./worker-times.ts";

/** Settings as they were read once: two readings differ also where the text is the same. */
interface Reading<Settings> {
  settings: Settings;
}

/** What a worker uses. */
export interface InUse<Settings> {
  /** What it was started with. */
  first: Reading<Settings>;
  /** What was read since and taken over. */
  reloaded: Reading<Settings> | undefined;
}

/** The settings that are in force. */
export function latest<Settings>({ first, reloaded }: InUse<Settings>): Settings {
  return (reloaded ?? first).settings;
}

/** After a second signal, what has not ended within this time is killed. */
const abortMs = 5_000;

/** Every process that has not ended: those that start, that serve, and that were replaced and end what they do. */
export class LiveWorkers<Settings> {
  // fixed at birth
  private readonly times: AnswerTimes;
  private readonly log: Log;
  // changed by events
  /** With what each uses; `add` adds, `takeOver` changes, `remove` removes. */
  private readonly uses = new Map<WorkerProcess<Settings>, InUse<Settings>>();
  /** The timers of those that are asked whether they live; `watch` adds, `remove` removes. */
  private readonly heartbeats = new Map<WorkerProcess<Settings>, NodeJS.Timeout>();

  constructor(times: AnswerTimes, log: Log) {
    this.times = times;
    this.log = log;
  }

  all(): WorkerProcess<Settings>[] {
    return [...this.uses.keys()];
  }

  add(worker: WorkerProcess<Settings>, inUse: InUse<Settings>): void {
    this.uses.set(worker, inUse);
  }

  remove(worker: WorkerProcess<Settings>): void {
    this.uses.delete(worker);
    clearInterval(this.heartbeats.get(worker));
    this.heartbeats.delete(worker);
  }

  /** Kills a worker that hangs. To be called when it serves: until then loading and the database may hold it for long. */
  watch(worker: WorkerProcess<Settings>): void {
    if (this.heartbeats.has(worker) || !this.uses.has(worker)) return;
    const { heartbeatMs, missedHeartbeats } = this.times;
    let missed = 0;
    const beat = (): void => {
      if (missed >= missedHeartbeats) {
        this.log.error({ worker: worker.number, missed }, "a worker does not answer any more and is killed");
        worker.kill();
        return;
      }
      missed += 1;
      // its end says enough
      worker.calls.call("ping").then(
        () => (missed = 0),
        () => undefined,
      );
    };
    this.heartbeats.set(worker, setInterval(beat, heartbeatMs).unref());
  }

  /** What a worker uses; undefined where it has ended. */
  inUseOf(worker: WorkerProcess<Settings>): InUse<Settings> | undefined {
    return this.uses.get(worker);
  }

  /** The settings in force in each. */
  settings(): Settings[] {
    return [...this.uses.values()].map(latest);
  }

  /**
   * Takes over settings in these workers or in none: then it throws why. Returns changed settings that need a restart, and
   * workers that failed at the last step.
   */
  async takeOver(
    workers: readonly WorkerProcess<Settings>[],
    reloaded: Reading<Settings>,
  ): Promise<TakenOver<Settings>> {
    const taken = await takeOver(workers, reloaded.settings, this.times.reloadMs);
    for (const worker of workers) {
      const before = this.uses.get(worker);
      if (before !== undefined && !taken.failed.has(worker)) this.uses.set(worker, { ...before, reloaded });
    }
    return taken;
  }

  /** Stops a worker and resolves when its process is over. */
  async end(worker: WorkerProcess<Settings>, order: StopOrder): Promise<void> {
    this.watch(worker);
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

  /** Ends everything now. */
  abort(): void {
    for (const worker of this.all()) worker.calls.call("abort").catch(() => undefined);
    setTimeout(() => {
      for (const worker of this.all()) worker.kill();
    }, abortMs).unref();
  }
}
