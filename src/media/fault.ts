import { invalid, ParleyError } from "../model/error.ts";

/** The vendor's own words (spec sheet 1.4). */
export function tooLarge(limit: number, param: string): ParleyError {
  return new ParleyError("invalid", `media exceeds size limit: max ${limit} bytes`, { param });
}

/** Something is wrong with what one part names or holds. `cause` is logged, never sent. */
export function faulty(param: string, problem: string, cause?: unknown): ParleyError {
  if (cause === undefined) return invalid(param, problem);
  return new ParleyError("invalid", `${param}: ${problem}`, { param, cause });
}
