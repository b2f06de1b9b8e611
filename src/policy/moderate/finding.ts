/**
 * The vendor's kinds of sensitive content (MiniMax API docs, OpenAI-compatible chat, 2026-11), with the names that word
 * files and settings may use.
 */
export const categoryNames = ["severe", "porn", "ads", "prohibited", "abuse", "violence", "other"] as const;

/** 1 to 7, in the order of `categoryNames`. */
export type Category = number;

/** `severe` is refused or cut, `mild` only marks the answer. */
export type Severity = "mild" | "severe";

/** What moderation found in a text. */
export interface Finding {
  category: Category;
  severity: Severity;
}

/** `undefined`: no objection. */
export type Verdict = Finding | undefined;

/** Judges one text. Throws when it cannot. */
export type Check = (text: string, signal: AbortSignal) => Promise<Verdict>;

/** A category by its number or its name; `undefined` for anything else. */
export function categoryOf(text: string): Category | undefined {
  const found = categoryNames.findIndex((name, index) => text === name || text === String(index + 1));
  return found < 0 ? undefined : found + 1;
}

/** The severer of two; the first where they are equal. */
export function worse(one: Verdict, other: Verdict): Verdict {
  if (one === undefined) return other;
  return one.severity === "mild" && other?.severity === "severe" ? other : one;
}
