import { z } from "zod";
import { httpUrl, positive, seconds, secret } from "../../lib/setting-type.ts";

const severity = z.enum(["mild", "severe"]);
const category = z.int().min(1).max(7);
const pattern = z.string().min(1).refine(isPattern, "allowed is a regular expression");
const categoryName = z.union([z.string().min(1), category]).transform(String);

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, "im").test("") || true;
  } catch {
    return false;
  }
}

const wordFile = z
  .union([
    z.string().min(1),
    z.strictObject({
      path: z.string().min(1),
      category: categoryName.exactOptional(),
      severity: severity.exactOptional(),
    }),
  ])
  .transform((file) => (typeof file === "string" ? { path: file } : file));

/** What guard model and endpoint have in common. */
const check = {
  timeoutSeconds: seconds.positive().default(10).describe("Longest wait for one verdict."),
  fails: z
    .enum(["open", "closed"])
    .default("closed")
    .describe("What happens to text that could not be judged: `closed` refuses it, `open` lets it pass."),
  longest: z
    .int()
    .min(100)
    .default(8000)
    .describe("Characters in one question; longer texts are asked about in pieces."),
};

/** The settings `moderation`: off unless words, a model or an endpoint is named (docs/moderation.md). */
export const moderationSettings = z
  .strictObject({
    input: z
      .enum(["off", "flag", "block"])
      .default("block")
      .describe("What is severe in a request: `block` refuses it, `flag` only marks the answer."),
    scope: z
      .enum(["all", "last"])
      .default("all")
      .describe("Which texts of a request: all but the model's own, or the last user message and what follows it."),
    output: z
      .enum(["off", "flag", "block"])
      .default("block")
      .describe("What is severe in an answer: `block` truncates the answer before it, `flag` only marks it."),
    window: z
      .int()
      .min(20)
      .default(200)
      .describe(
        "Characters of an answer that a guard model or an endpoint judges at once; at most this many are held back.",
      ),
    words: z
      .strictObject({
        files: z.array(wordFile).min(1).describe("Word files: paths, or `path` with `category` and `severity`."),
        severity: z
          .record(z.string(), severity)
          .default({})
          .describe("`mild` or `severe` by category (1 to 7 or its name). Without: 1 is severe, the others mild."),
      })
      .exactOptional(),
    model: z
      .strictObject({
        model: z.string().min(1).describe("Name of the guard model, as `models` serves it."),
        prompt: z
          .string()
          .refine((text) => text.includes("{text}"), "allowed is a text with {text} in it")
          .default("{text}")
          .describe("What the guard model is sent as the user's message; `{text}` stands for what is to be judged."),
        maxTokens: positive.default(64).describe("Longest answer of the guard model."),
        verdicts: z
          .array(z.strictObject({ pattern, category, severity }))
          .min(1)
          .describe("What its answers mean, in the order they are tried: `pattern`, `category` and `severity`."),
        safe: pattern
          .exactOptional()
          .describe("What an answer without objection looks like; any other unknown answer is then a failure."),
        ...check,
      })
      .exactOptional(),
    endpoint: z
      .strictObject({
        url: httpUrl.describe("Base URL; `/moderations` is put behind it."),
        key: secret.exactOptional().describe("Key for the `Authorization` header."),
        model: z.string().min(1).exactOptional().describe("Model name that is sent along."),
        categories: z
          .record(z.string(), z.strictObject({ category, severity, score: z.number().min(0).max(1).exactOptional() }))
          .default({})
          .describe(
            "What the endpoint's categories mean: `category`, `severity`, and the `score` from which on they count.",
          ),
        ...check,
      })
      .exactOptional(),
  })
  .prefault({});
export type ModerationSettings = z.output<typeof moderationSettings>;
