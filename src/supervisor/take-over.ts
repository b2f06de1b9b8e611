import { setTimeout as wait } from "node:timers/promises";
import type { WorkerProcess } from "./worker-process.ts";

/** What became of settings in the workers that had prepared them. */
export interface TakenOver<Settings> {
  /** Names of changed settings that need a restart. */
  needRestart: readonly string[];
  /** Workers that did not use them in the end, with the reason; some of the others do. */
  failed: ReadonlyMap<WorkerProcess<Settings>, unknown>;
}

/**
 * Takes over settings in all workers, or in none where one refuses them or does not answer within `answerMs` milliseconds: then
 * it throws why, and also where they were prepared but no worker uses them.
 */
export async function takeOver<Settings>(
  workers: readonly WorkerProcess<Settings>[],
  settings: Settings,
  answerMs: number,
): Promise<TakenOver<Settings>> {
  const [first] = workers;
  try {
    await Promise.all(workers.map((worker) => answered(worker, worker.calls.call("prepare", settings), answerMs)));
    if (first !== undefined) await answered(first, first.calls.call("declare"), answerMs);
  } catch (error) {
    await Promise.allSettled(workers.map((worker) => answered(worker, worker.calls.call("discard"), answerMs)));
    throw error;
  }
  const failed = new Map<WorkerProcess<Settings>, unknown>();
  const adopted = await Promise.all(
    workers.map((worker) =>
      answered(worker, worker.calls.call("adopt"), answerMs).catch((error: unknown) => {
        failed.set(worker, error);
        return undefined;
      }),
    ),
  );
  if (first !== undefined && failed.size === workers.length) throw failed.get(first);
  return { needRestart: adopted.find((one) => one !== undefined) ?? [], failed };
}

/** What a worker answers; rejects where that takes too long. */
async function answered<Settings, Value>(
  { number }: WorkerProcess<Settings>,
  answer: Promise<Value>,
  answerMs: number,
): Promise<Value> {
  const over = new AbortController();
  const late = wait(answerMs, undefined, { signal: over.signal }).then(() => {
    throw new Error(`worker ${number} has not answered for ${answerMs / 1000} seconds`);
  });
  late.catch(() => undefined);
  return Promise.race([answer, late]).finally(() => over.abort());
}
