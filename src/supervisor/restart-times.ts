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
