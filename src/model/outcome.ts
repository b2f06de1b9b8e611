import type { ErrorKind, ParleyError } from "./error.ts";
import type { FinishReason } from "./event.ts";

/** How a generation ended: its finish reason, or the kind of the error that ended it. */
export type Outcome = Exclude<FinishReason, "error"> | ErrorKind;

const charged: readonly Outcome[] = ["stop", "length", "calls", "filter", "canceled"];

/** Outcomes that are charged: answers that came to their end or that the caller ended. A failure costs nothing. */
export const chargedOutcomes: ReadonlySet<string> = new Set(charged);

/** The outcome of a `finish` event. An error that it does not carry was our own mistake. */
export function outcomeOf({ reason, error }: { reason: FinishReason; error?: ParleyError | undefined }): Outcome {
  return error?.kind ?? (reason === "error" ? "internal" : reason);
}
