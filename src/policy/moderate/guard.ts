import { ParleyError } from "../../model/error.ts";
import type { Category, Check, Severity } from "./finding.ts";

/** What an answer of the guard model means. */
export interface VerdictRow {
  /** A regular expression; letter case does not matter, `^` and `$` match at lines. */
  pattern: string;
  category: Category;
  severity: Severity;
}

/** One question to a model that is served here. */
export interface Question {
  model: string;
  prompt: string;
  maxTokens: number;
}

/** Resolves with the model's whole answer as text. */
export type Ask = (question: Question, signal: AbortSignal) => Promise<string>;

export interface GuardOptions {
  model: string;
  /** `{text}` stands for what is to be judged. */
  prompt: string;
  maxTokens: number;
  /** Tried in order; the first that matches counts. */
  verdicts: readonly VerdictRow[];
  /** Regular expression of an answer without objection; absent: every answer that no row matches. */
  safe?: string;
}

/** A guard model as a check. An answer that neither a row nor `safe` matches is a failure, not a verdict. */
export function modelCheck(options: GuardOptions, ask: Ask): Check {
  const { model, prompt, maxTokens } = options;
  const rows = options.verdicts.map((row) => ({ ...row, pattern: new RegExp(row.pattern, "im") }));
  const safe = options.safe === undefined ? undefined : new RegExp(options.safe, "im");
  return async (text, signal) => {
    const answer = await ask({ model, prompt: prompt.replaceAll("{text}", () => text), maxTokens }, signal);
    const row = rows.find(({ pattern }) => pattern.test(answer));
    if (row !== undefined) return { category: row.category, severity: row.severity };
    if (safe !== undefined && !safe.test(answer)) {
      throw new ParleyError("upstream", "the guard model's answer matches none of the configured verdicts");
    }
    return undefined;
  };
}
