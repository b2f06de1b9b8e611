/** Makes the error that aborted work ends with; by default the signal's own reason. */
export type AbortError = (signal: AbortSignal) => Error;

export const abortReason: AbortError = (signal) => signal.reason as Error;

/** Calls `listener` once when the signal aborts, at once where it has; returns what stops the listening. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) listener();
  else signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}

/** What was promised, or a rejection as soon as the signal aborts; others may still wait for the promise. */
export async function untilAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal,
  error: AbortError = abortReason,
): Promise<Value> {
  const aborted = Promise.withResolvers<never>();
  const stop = onAbort(signal, () => aborted.reject(error(signal)));
  try {
    return await Promise.race([aborted.promise, promise]);
  } finally {
    stop();
  }
}

/** `release` as a function that runs once: when it is called first, or when the signal aborts before. */
export function onceOrAborted(signal: AbortSignal, release: () => void): () => void {
  let done = false;
  const run = (): void => {
    if (done) return;
    done = true;
    signal.removeEventListener("abort", run);
    release();
  };
  onAbort(signal, run);
  return run;
}
