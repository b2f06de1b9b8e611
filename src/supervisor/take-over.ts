import type { WorkerProcess } from "./worker-process.ts";

/** Takes over settings in all workers or in none. */
export async function takeOver<Settings>(
  workers: readonly WorkerProcess<Settings>[],
  settings: Settings,
): Promise<readonly string[]> {
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
