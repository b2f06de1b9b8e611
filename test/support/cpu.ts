/**
 * Milliseconds of processor time that this process spends on the work; other processes on the machine do not count. That of the
 * thread alone would be counted in ticks of several milliseconds on some kernels: 0 or 7 for work of 3.
 */
export function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Tries of each work, of which the least counts. */
const tries = 3;

/**
 * How many times more processor time the large work takes than the small one. The least of several tries each, in turns, and
 * at least a millisecond: what the compiler, the collector and new memory take now and then is not the work's. Measured one
 * after the other, the first one alone would pay for code that is not compiled yet.
 */
export function growth(small: () => void, large: () => void): number {
  let [leastSmall, leastLarge] = [Infinity, Infinity];
  for (let time = 0; time < tries; time += 1) {
    leastSmall = Math.min(leastSmall, cpuMs(small));
    leastLarge = Math.min(leastLarge, cpuMs(large));
  }
  return Math.max(1, leastLarge) / Math.max(1, leastSmall);
}
