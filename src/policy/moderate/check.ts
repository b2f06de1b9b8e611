import { ParleyError, toParleyError } from "../../model/error.ts";
import type { Log } from "../../telemetry/log.ts";
import { worse, type Check, type Verdict } from "./finding.ts";

export interface GuardedOptions {
  timeoutMs: number;
  /** `open`: what could not be judged passes; `closed`: it is refused. */
  fails: "open" | "closed";
  log: Log;
}

/** A check with a deadline and a rule for the case that it fails. What the caller cancels stays canceled. */
export function guarded(check: Check, { timeoutMs, fails, log }: GuardedOptions): Check {
  return async (text, signal) => {
    try {
      return await check(text, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      log.warn({ kind: toParleyError(thrown).kind, fails, err: thrown }, "moderation did not answer");
      if (fails === "open") return undefined;
      throw new ParleyError("upstream", "moderation did not answer", { cause: thrown });
    }
  };
}

/** Pieces of one text that are judged side by side. */
const abreast = 4;

/** A check that is shown at most `longest` UTF-16 units at once. Asks no further once something severe was found. */
export function inPieces(check: Check, longest: number): Check {
  return async (text, signal) => {
    const pieces = cut(text, longest);
    let verdict: Verdict;
    for (let at = 0; at < pieces.length && verdict?.severity !== "severe"; at += abreast) {
      const verdicts = await Promise.all(pieces.slice(at, at + abreast).map((piece) => check(piece, signal)));
      verdict = verdicts.reduce(worse, verdict);
    }
    return verdict;
  };
}

function cut(text: string, longest: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const end = pieceEnd(text, at, longest);
    pieces.push(text.slice(at, end));
    at = end;
  }
  return pieces.filter((piece) => piece.trim() !== "");
}

/** A piece ends after white space or a sentence where there is one in its last quarter, and never within a character. */
function pieceEnd(text: string, at: number, longest: number): number {
  const end = at + longest;
  if (end >= text.length) return text.length;
  const from = at + Math.ceil(longest * 0.75);
  for (let cut = end; cut > from; cut--) if (/[\s。！？；，]/.test(text[cut - 1] ?? "")) return cut;
  return /[\ud800-\udbff]/.test(text[end - 1] ?? "") ? end + 1 : end;
}
