import { ParleyError } from "../../../model/error.ts";

/** What was promised, unless the caller goes away first; others may still be waiting for it. */
export async function untilAborted<Value>(promised: Promise<Value>, signal: AbortSignal): Promise<Value> {
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(new ParleyError("canceled", "the request was canceled"));
  });
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([promised, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
