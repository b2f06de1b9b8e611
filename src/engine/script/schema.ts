import { z } from "zod";
import { errorKinds } from "../../model/error.ts";

const tokenCount = z.int().min(0);

const call = z.strictObject({
  name: z.string().min(1),
  /** An object is written as JSON; a text goes out as it is, so that a broken one can be scripted. */
  arguments: z.union([z.record(z.string(), z.unknown()), z.string()]).default({}),
  id: z.string().min(1).optional(),
});

const answerObject = z.strictObject({
  text: z.string().default(""),
  /** Left out where the request turns thinking off. */
  reasoning: z.string().default(""),
  calls: z.array(call).default([]),
  /** Replaces what the simulator counts, number by number. */
  usage: z
    .strictObject({ input: tokenCount, cached: tokenCount, output: tokenCount, reasoning: tokenCount })
    .partial()
    .default({}),
  /** Default `calls` where there are calls, else `stop`; a token limit of the request still says `length`. */
  finish: z.enum(["stop", "length", "calls", "filter"]).optional(),
  /** Milliseconds before the first token. */
  delayMs: z.number().min(0).default(0),
  tokensPerSecond: z.number().positive().optional(),
  /** The answer fails: at once with a status, or after `afterTokens` in the middle of the answer. */
  error: z
    .strictObject({
      kind: z.enum(errorKinds).default("upstream"),
      message: z.string().optional(),
      retryAfter: z.int().min(0).optional(),
      afterTokens: tokenCount.optional(),
    })
    .optional(),
  /** Nothing comes any more after this many tokens, until the caller leaves. */
  hangAfterTokens: tokenCount.optional(),
});

/** A text stands for an answer that is only this text. */
const answer = z.preprocess(
  (value: string | z.input<typeof answerObject>) => (typeof value === "string" ? { text: value } : value),
  answerObject,
);
export type ScriptedAnswer = z.output<typeof answerObject>;

/** All conditions that are given must hold; none: every request. */
const conditions = z.strictObject({
  model: z.string().min(1).optional(),
  /** The whole last user text. */
  text: z.string().optional(),
  /** A part of the last user text. */
  contains: z.string().min(1).optional(),
  /** A regular expression on the last user text. */
  matches: z.string().min(1).superRefine(checkPattern).optional(),
  /** A part of the system and developer texts. */
  system: z.string().min(1).optional(),
  /** A part of any text of the conversation: of any message, reasoning, call or result. */
  history: z.string().min(1).optional(),
  /** Whether the request ends with tool results; a text: that one of them contains it. */
  toolResult: z.union([z.boolean(), z.string().min(1)]).optional(),
  /** Names of tools; all must be offered. */
  tools: z.array(z.string().min(1)).optional(),
  /** The number of the answer in its conversation, from 1. */
  turn: z.int().min(1).optional(),
  /** Only the n-th request for which all other conditions hold, from 1. */
  nth: z.int().min(1).optional(),
});
export type Conditions = z.output<typeof conditions>;

function checkPattern(source: string, context: z.RefinementCtx): void {
  try {
    new RegExp(source, "u");
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
  }
}

const entry = z
  .strictObject({
    /** For messages. */
    name: z.string().min(1).optional(),
    when: conditions.default({}),
    answer: answer.optional(),
    /** One after another, each used once. */
    sequence: z.array(answer).min(1).optional(),
    /** When the sequence is used up: its last answer again, an error, or the entries that follow. */
    atEnd: z.enum(["repeat", "error", "next"]).optional(),
  })
  .refine((value) => (value.answer === undefined) !== (value.sequence === undefined), {
    error: "needs one of answer and sequence",
  })
  .refine((value) => value.atEnd === undefined || value.sequence !== undefined, {
    path: ["atEnd"],
    error: "goes with sequence only",
  });
export type ScriptEntry = z.output<typeof entry>;

export const scriptEntries = z.array(entry);

/** What a script file holds: the list alone, or with `strict` beside it. */
export const scriptFile = z.preprocess(
  (value) => (Array.isArray(value) ? { answers: value } : value),
  z.strictObject({ strict: z.boolean().optional(), answers: scriptEntries }),
);
