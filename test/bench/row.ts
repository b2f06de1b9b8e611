/** One measured number. */
export interface Row {
  shape: string;
  value: number;
  unit: string;
  /** Against what a bare node:http answer reaches in the same run. */
  ratio?: number;
  /** What the number must not pass. */
  budget?: number;
  note?: string;
}

/** Whether a row keeps its budget; `undefined` where it has none or nothing was measured. All budgets are upper bounds. */
export function keepsBudget(row: Row): boolean | undefined {
  return row.budget === undefined || Number.isNaN(row.value) ? undefined : row.value <= row.budget;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value below which so large a share of the values lies; `NaN` of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const rounds = 5;

/**
 * Microseconds of processor time that one synchronous work takes: the best of several rounds, after one that warms up.
 * Processor time, because a clock would also count what other processes take on a shared machine.
 */
export function processorTime(work: () => void, roundMs: number): number {
  const found = Array.from({ length: rounds + 1 }, () => {
    const started = process.threadCpuUsage();
    for (let times = 1; ; times += 1) {
      work();
      const { user, system } = process.threadCpuUsage(started);
      if (user + system >= roundMs * 1000) return (user + system) / times;
    }
  });
  return Math.min(...found.slice(1));
}
