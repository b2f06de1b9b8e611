import { ParleyError } from "../model/error.ts";
import { mayUse, type Caller } from "../policy/authenticate.ts";
import type { Admission, BillableWork, Meter } from "./meter.ts";

/** Throws `forbidden` where the key may not use the model. */
export function permit(model: string, caller: Caller): void {
  if (mayUse(caller.models, model)) return;
  throw new ParleyError("forbidden", `this key may not use the model '${model.slice(0, 200)}'`);
}

/**
 * The first step of all billable work: reserves its estimate with limits and money. Without a meter everything is let
 * in and nothing booked. Throws what `Meter.reserve` throws.
 */
export async function admit(
  work: BillableWork,
  caller: Caller,
  meter: Pick<Meter, "reserve"> | undefined,
): Promise<Admission> {
  if (meter === undefined) return { rateLimit: {}, commit: () => undefined, release: () => undefined };
  return meter.reserve(work, caller);
}
