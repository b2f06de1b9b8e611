import type { Steps } from "../../lib/time-slices.ts";
import type { ModelCard } from "../../model/card.ts";
import { invalid, type ParleyError } from "../../model/error.ts";
import { textPart, type Item } from "../../model/item.ts";
import type { JsonObject } from "../../model/json.ts";
import type { GenerationRequest, OutputFormat, Sampling } from "../../model/request.ts";
import { needsRecall, type ItemReference } from "../../model/response.ts";
import { effortOf } from "../shared/effort.ts";
import { Fields } from "../shared/fields.ts";
import { refuseOverlongBody } from "../shared/prompt-size.ts";
import { engineTopP, readOutputLimit } from "../shared/sampling.ts";
import { readSchemaFormat } from "../shared/tools.ts";
import { cipherFor } from "../shared/encrypted-text.ts";
import type { ParsedRequest, ParseContext } from "../surface.ts";
import { sessionOf } from "../surface.ts";
import { recalled } from "./history.ts";
import type { ParsedInput } from "./item.ts";
import { parseItems } from "./item.ts";
import type { ResponsesOptions } from "./answer-options.ts";
import { choiceEcho } from "./tool-choice.ts";
import { addTools, emptyToolbox, offeredTools, toolsEcho } from "./tools.ts";
import type { Echo, ResponsesAnswerOptions } from "./answer-options.ts";

/** The vendor's default on this surface for every model (MiniMax API docs, create response, 2026-11). */
const defaultTopP = 0.95;
const metadataLimits = { pairs: 16, key: 64, value: 512 };
const unsupported = {
  conversation: "is not supported; use previous_response_id",
  prompt: "prompt templates are not supported; use instructions",
};
const strictEfforts = ["minimal", "low", "medium", "high", "none"] as const;
/** The words by which OpenAI's clients ask to see reasoning; other words ask for nothing. */
const summaryWords: ReadonlySet<string> = new Set(["auto", "concise", "detailed"]);
/** The vendor's words and OpenAI's. */
const efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

/** Reads a request. Throws `invalid` naming the field; fields no one documents are ignored. */
export function* parseRequest(
  body: unknown,
  context: ParseContext,
  options: ResponsesOptions,
): Steps<ParsedRequest<ResponsesAnswerOptions>> {
  const fields = checkedBody(body);
  const card = context.card(fields.nonEmptyString("model"));
  const window = context.contextWindow?.(card.id) ?? card.contextWindow;
  refuseOverlongBody(fields, ["instructions", "input", "tools"], window);
  yield;
  const toolbox = emptyToolbox();
  yield* addTools(toolbox, fields, { strict: context.strict, added: false });
  const format = yield* parseFormat(fields, context.strict);
  const sampling = parseSampling(fields, card);
  const effort = parseEffort(fields, context.strict && card.defaultEffort === undefined);
  const cipher = cipherFor(options.cipher, context.owner);
  const input = yield* parseInput(fields, { card, strict: context.strict, cipher, toolbox });
  const dropped = { tools: [...toolbox.dropped], items: [...input.dropped] };
  yield;
  const echo = parseEcho(fields, { strict: context.strict, sampling, dropped });
  const answerOptions = parseAnswerOptions(fields, { options, owner: context.owner, echo, input });
  yield;
  const cacheKey = echo.promptCacheKey ?? sessionOf(context);
  const request: GenerationRequest = {
    id: context.id,
    createdAt: context.createdAt,
    // as the catalog spells it
    model: card.id,
    items: [],
    // `recalled` adds what the conversation makes available, and the choice
    tools: offeredTools(toolbox).map(({ definition }) => definition),
    toolChoice: "auto",
    parallelCalls: echo.parallelToolCalls,
    reasoning: reasoningOf(card, effort, options.defaultReasoning),
    ...effortOf(effort, card),
    format,
    // the response repeats what was sent
    sampling: { ...sampling, topP: engineTopP(sampling.topP ?? defaultTopP) },
    ...(cacheKey === undefined ? {} : { cacheKey }),
    tier: echo.serviceTier === "priority" ? "priority" : "standard",
    ...(context.strict ? { strict: true } : {}),
  };
  const parsed = { request, answerOptions };
  yield;
  return needsRecall(answerOptions) ? parsed : yield* recalled(parsed, { history: [], resolve: () => undefined });
}

/** The body as fields, no deeper than can be written back. */
function checkedBody(body: unknown): Fields {
  const fields = Fields.of(body, "");
  for (const [key, value] of Object.entries(fields.value)) fields.checkDepth(key, value);
  for (const [key, problem] of Object.entries(unsupported)) {
    if (fields.given(key) !== undefined) throw fields.error(key, problem);
  }
  fields.object("stream_options");
  fields.string("user");
  fields.number("top_logprobs", { min: 0, max: 20, integer: true });
  for (const key of ["presence_penalty", "frequency_penalty"]) fields.number(key, { min: -2, max: 2 });
  return fields;
}

interface AnswerOptionsSource {
  options: ResponsesOptions;
  owner: string | undefined;
  echo: Echo;
  input: ParsedInput;
}

function parseAnswerOptions(
  fields: Fields,
  { options, owner, echo, input }: AnswerOptionsSource,
): ResponsesAnswerOptions {
  const background = fields.boolean("background") ?? false;
  const generate = fields.boolean("generate") ?? true;
  const store = fields.boolean("store");
  if (background && store === false) throw invalid("store", "must be true for a background response");
  const previousResponseId = echo.previousResponseId ?? undefined;
  if (input.items.every(isEmptyMessage) && previousResponseId === undefined && generate) {
    throw invalid("input", "chat content is empty");
  }
  return {
    stream: fields.boolean("stream") ?? false,
    store: store ?? (background || options.storeDefault),
    storeOmitted: store === undefined,
    background,
    kind: input.compact ? "compaction" : generate ? "generation" : "warm-up",
    previousResponseId,
    input: input.items,
    owner,
    summarizeReasoning: summaryWords.has(fields.object("reasoning")?.string("summary") ?? ""),
    encryptReasoning: fields.strings("include").includes("reasoning.encrypted_content"),
    tools: (fields.array("tools") ?? []) as JsonObject[],
    forms: new Map(),
    searched: [],
    echo,
  };
}

function isEmptyMessage(item: Item | ItemReference): boolean {
  return item.type === "message" && item.parts.every((part) => part.type === "text" && part.text === "");
}

function missingInput(fields: Fields): ParleyError {
  const other = fields.given("messages") === undefined ? "" : "; `messages` belongs to /v1/chat/completions";
  return invalid("input", `is required${other}`);
}

function* parseInput(fields: Fields, context: Parameters<typeof parseItems>[2]): Steps<ParsedInput> {
  const input = fields.given("input");
  if (input === undefined && fields.given("previous_response_id") === undefined) throw missingInput(fields);
  if (input === undefined || input === "") return { items: [], compact: false, dropped: new Set() };
  if (typeof input === "string") {
    const message: Item = { type: "message", role: "user", parts: [textPart(input)] };
    return { items: [message], compact: false, dropped: new Set() };
  }
  if (!Array.isArray(input)) throw invalid("input", "must be a string or an array of items");
  return yield* parseItems(input, "input", context);
}

/** The vendor allows temperatures of 0 to 1 here for every model, though chat goes to 2. */
function parseSampling(fields: Fields, card: ModelCard): Sampling {
  const temperature = fields.number("temperature", { min: 0, max: 1 });
  if (temperature === 0 && !card.temperature.zero) throw invalid("temperature", "must be greater than 0");
  const topP = fields.number("top_p", { min: 0, max: 1 });
  if (topP === 0 && !card.topP.zero) throw invalid("top_p", "must be greater than 0");
  const maxTokens = readOutputLimit(fields, ["max_output_tokens"], card);
  return {
    temperature: temperature ?? card.temperature.default,
    topP: topP ?? defaultTopP,
    stop: [],
    ...(maxTokens === undefined ? {} : { maxTokens }),
  };
}

function* parseFormat(fields: Fields, strict: boolean): Steps<OutputFormat> {
  const format = fields.object("text")?.object("format");
  if (format === undefined) return { type: "text" };
  const words = strict ? (["text"] as const) : (["text", "json_object", "json_schema"] as const);
  const type = format.word("type", words) ?? "text";
  if (type === "text") return { type: "text" };
  if (type === "json_object") return { type: "json" };
  return yield* readSchemaFormat(format);
}

function parseEffort(fields: Fields, strict: boolean): string | undefined {
  const reasoning = fields.object("reasoning");
  if (reasoning === undefined) return undefined;
  reasoning.string("summary");
  return reasoning.word("effort", strict ? strictEfforts : efforts);
}

/**
 * M3 reasons only when asked to, any effort but `none` leaves it to the model; M2.x always reasons (MiniMax API docs, create
 * response, 2026-11).
 */
function reasoningOf(
  card: ModelCard,
  effort: string | undefined,
  omitted: ResponsesOptions["defaultReasoning"],
): GenerationRequest["reasoning"] {
  if (card.reasoning === "always") return "on";
  if (card.reasoning === "never" || effort === "none") return "off";
  return effort === undefined ? omitted : "adaptive";
}

interface EchoSource {
  strict: boolean;
  sampling: Sampling;
  dropped: Echo["dropped"];
}

function parseEcho(fields: Fields, { strict, sampling, dropped }: EchoSource): Echo {
  const tier = fields.string("service_tier");
  return {
    instructions: fields.string("instructions") ?? null,
    previousResponseId: fields.string("previous_response_id") ?? null,
    tools: toolsEcho(fields),
    toolChoice: choiceEcho(fields, strict),
    parallelToolCalls: fields.boolean("parallel_tool_calls") ?? true,
    truncation: fields.word("truncation", ["auto", "disabled"]) ?? "disabled",
    text: textEcho(fields),
    reasoning: reasoningEcho(fields),
    temperature: sampling.temperature ?? 1,
    topP: sampling.topP ?? defaultTopP,
    maxOutputTokens: sampling.maxTokens ?? null,
    maxToolCalls: fields.count("max_tool_calls") ?? null,
    serviceTier: tier === "priority" || tier === "standard" ? tier : "default",
    metadata: parseMetadata(fields),
    safetyIdentifier: fields.string("safety_identifier") ?? null,
    promptCacheKey: fields.string("prompt_cache_key") ?? null,
    dropped,
  };
}

function textEcho(fields: Fields): JsonObject {
  const text = fields.object("text");
  const format = text?.object("format");
  const verbosity = text?.word("verbosity", ["low", "medium", "high"]);
  const type = format?.string("type") ?? "text";
  return {
    format: format === undefined || type !== "json_schema" ? { type } : schemaEcho(format),
    ...(verbosity === undefined ? {} : { verbosity }),
  };
}

function schemaEcho(format: Fields): JsonObject {
  return {
    type: "json_schema",
    name: format.string("name") ?? "",
    description: format.string("description") ?? null,
    schema: (format.given("schema") ?? null) as JsonObject | null,
    strict: format.boolean("strict") ?? false,
  };
}

function reasoningEcho(fields: Fields): JsonObject {
  const reasoning = fields.object("reasoning");
  return { effort: reasoning?.string("effort") ?? null, summary: reasoning?.string("summary") ?? null };
}

function parseMetadata(fields: Fields): Record<string, string> {
  const metadata = fields.object("metadata");
  const given = Object.keys(metadata?.value ?? {});
  if (given.length > metadataLimits.pairs) throw invalid("metadata", `must have at most ${metadataLimits.pairs} pairs`);
  const pairs: [string, string][] = given.map((key) => {
    if (characters(key) > metadataLimits.key)
      throw invalid("metadata", `keys have at most ${metadataLimits.key} characters`);
    const value = metadata?.given(key);
    if (typeof value !== "string") throw invalid(`metadata.${key}`, "must be a string");
    if (value.length > 2 * metadataLimits.value || characters(value) > metadataLimits.value) {
      throw invalid(`metadata.${key}`, `must have at most ${metadataLimits.value} characters`);
    }
    return [key, value];
  });
  return Object.fromEntries(pairs);
}

/** Unicode code points. */
function characters(text: string): number {
  return Array.from(text).length;
}
