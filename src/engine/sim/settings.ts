import { z } from "zod";
import { positive } from "../../lib/setting-type.ts";
import { errorKinds } from "../../model/error.ts";
import { scriptEntries } from "../script/schema.ts";

const speed = z.number().positive();

/** One thing that goes wrong, and when. A rule without conditions always fires. */
export const faultSettings = z.strictObject({
  kind: z
    .enum(["error-before", "error-after", "stall", "slow"])
    .describe(
      "An error before the first token, one after `afterTokens`, silence after `afterTokens`, or slow batches.",
    ),
  afterTokens: z.int().min(0).optional().describe("Output tokens that come before it; default 0."),
  delayMs: z.number().min(0).optional().describe("For `slow`: how much later each batch comes; default 1,000."),
  errorKind: z.enum(errorKinds).optional().describe("Default `upstream`, which is 502."),
  message: z.string().optional().describe("Of the error."),
  retryAfter: z.int().min(0).optional().describe("Seconds; becomes `Retry-After`."),
  every: positive.optional().describe("Only each n-th request, the n-th first."),
  times: positive.optional().describe("At most this many times."),
  probability: z.number().min(0).max(1).optional().describe("How likely it is; decided by `seed`."),
  matching: z.string().optional().describe("Only where the last user message contains this text."),
});
export type FaultRule = z.output<typeof faultSettings>;

/** The settings of `kind: sim`; docs/simulator.md describes them. */
export const simSettings = z.strictObject({
  kind: z.literal("sim").describe("A deterministic simulator: no model, for tests and load. See simulator.md."),
  script: z
    .string()
    .min(1)
    .optional()
    .describe("A YAML or JSON file of scripted answers, relative to the configuration file."),
  answers: scriptEntries.optional().describe("The same, written here; these come before those of `script`."),
  strict: z.boolean().default(false).describe("A request that no scripted answer matches is an error (404)."),
  prefillTokensPerSecond: speed.optional().describe("Speed of reading the prompt; default instant."),
  decodeTokensPerSecond: speed.optional().describe("Speed of writing; default instant."),
  tokensPerBatch: positive.default(8).describe("Output tokens that come at once."),
  slots: positive.optional().describe("Requests at once; default no bound."),
  queueLimit: z.int().min(0).optional().describe("Requests that wait for a slot at most; one more is 529."),
  cacheTokens: z.int().min(0).default(1_000_000).describe("Tokens that the prefix cache holds; 0: no cache."),
  cacheBlock: positive.default(64).describe("Tokens of one block of the prefix cache."),
  contextWindow: positive.default(1_000_000).describe("Tokens, input and output together."),
  faults: z.array(faultSettings).default([]).describe("What goes wrong, and when. See simulator.md."),
  journal: z.int().min(0).default(0).describe("Requests that are kept for tests in the same process; 0: none."),
  seed: z.int().default(0).describe("Of the random numbers that faults with a probability are decided by."),
});
export type SimSettings = z.output<typeof simSettings>;
