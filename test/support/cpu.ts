/** Milliseconds of processor time that this thread spends on the work; other processes, and the collector's threads, do not count. */
export function cpuMs(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

/**
 * How many times more processor time the large work takes than the small one. The least of three tries each, and at
 * least a millisecond: what the compiler and the collector take now and then is not the work's.
 */
export function growth(small: () => void, large: () => void): number {
  const least = (work: () => void): number => Math.max(1, Math.min(cpuMs(work), cpuMs(work), cpuMs(work)));
  return least(large) / least(small);
}
