/** Where engines take time from; tests give one they can wind. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Resolves after `milliseconds`, or at once when the signal aborts; it never rejects. `Infinity` waits for the abort. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** A longer delay than this makes Node's timer fire at once. */
const longestTimer = 2_147_483_647;

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve) => {
      if (signal.aborted || milliseconds <= 0) {
        resolve();
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(milliseconds, longestTimer));
      signal.addEventListener("abort", done, { once: true });
    }),
};
