import { plainError, reasonOf, toParleyError } from "../../model/error.ts";
import type { Log } from "../../telemetry/log.ts";
import { worse, type Check, type Verdict } from "./finding.ts";

export interface GuardedOptions {
  timeoutMs: number;
  /** `open`: what could not be judged passes; `closed`: it is refused. */
  fails: "open" | "closed";
  log: Log;
}

/** A check with a deadline and a rule for its failure. What the caller cancels stays canceled. */
export function guarded(check: Check, { timeoutMs, fails, log }: GuardedOptions): Check {
  return async (text, signal) => {
    try {
      return await check(text, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const { kind } = toParleyError(thrown);
      log.warn({ kind, fails, reason: reasonOf(thrown), err: thrown }, "moderation did not answer");
      if (fails === "open") return undefined;
      throw plainError("upstream", "moderation did not answer", { cause: thrown });
    }
  };
}

/** Pieces of one text that are judged at once. */
const piecesAtOnce = 4;

/** A check that is given at most `maxUnits` UTF-16 units at once. It stops at the first severe finding. */
export function inPieces(check: Check, maxUnits: number): Check {
  return async (text, signal) => {
    const pieces = split(text, maxUnits);
    let verdict: Verdict;
    for (let at = 0; at < pieces.length && verdict?.severity !== "severe"; at += piecesAtOnce) {
      const verdicts = await Promise.all(pieces.slice(at, at + piecesAtOnce).map((piece) => check(piece, signal)));
      verdict = verdicts.reduce(worse, verdict);
    }
    return verdict;
  };
}

function split(text: string, maxUnits: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const end = pieceEnd(text, at, maxUnits);
    pieces.push(text.slice(at, end));
    at = end;
  }
  return pieces.filter((piece) => piece.trim() !== "");
}

/** A piece ends after white space or a sentence where there is one in its last quarter, and never within a character. */
function pieceEnd(text: string, start: number, maxUnits: number): number {
  const end = start + maxUnits;
  if (end >= text.length) return text.length;
  const from = start + Math.ceil(maxUnits * 0.75);
  for (let at = end; at > from; at--) if (/[\s。！？；，]/.test(text[at - 1] ?? "")) return at;
  return /[\ud800-\udbff]/.test(text[end - 1] ?? "") ? end + 1 : end;
}
