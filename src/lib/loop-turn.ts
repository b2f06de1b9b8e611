import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";

/**
 * Number of the event loop's turn. It grows before each wait for input: what was finished elsewhere before a request was sent
 * was finished before the turn that reads the request.
 */
export function loopTurn(): number {
  return performance.nodeTiming.uvMetricsInfo.loopCount;
}

/** Resolves in a later turn. */
export async function nextLoopTurn(): Promise<void> {
  const turn = loopTurn();
  while (loopTurn() === turn) await setImmediate();
}
