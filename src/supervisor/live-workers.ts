import type { StopOrder } from "./message.ts";
import { takeOver } from "./take-over.ts";
import type { WorkerProcess } from "./worker-process.ts";

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
  // changed by events
  /** With what each uses; `add` adds, `takeOver` changes, `remove` removes. */
  private readonly uses = new Map<WorkerProcess<Settings>, InUse<Settings>>();

  all(): WorkerProcess<Settings>[] {
    return [...this.uses.keys()];
  }

  add(worker: WorkerProcess<Settings>, inUse: InUse<Settings>): void {
    this.uses.set(worker, inUse);
  }

  remove(worker: WorkerProcess<Settings>): void {
    this.uses.delete(worker);
  }

  /** What a worker uses; undefined where it has ended. */
  inUseOf(worker: WorkerProcess<Settings>): InUse<Settings> | undefined {
    return this.uses.get(worker);
  }

  /** The settings in force in each. */
  settings(): Settings[] {
    return [...this.uses.values()].map(latest);
  }

  /** Takes over settings in these workers or in none: then it throws why. Returns changed settings that need a restart. */
  async takeOver(workers: readonly WorkerProcess<Settings>[], reloaded: Reading<Settings>): Promise<readonly string[]> {
    const needRestart = await takeOver(workers, reloaded.settings);
    for (const worker of workers) {
      const before = this.uses.get(worker);
      if (before !== undefined) this.uses.set(worker, { ...before, reloaded });
    }
    return needRestart;
  }

  /** Stops a worker and resolves when its process is over. */
  async end(worker: WorkerProcess<Settings>, order: StopOrder): Promise<void> {
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
