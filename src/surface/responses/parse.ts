import type { ModelCard } from "../../model/card.ts";
import { invalid } from "../../model/error.ts";
import { textPart } from "../../model/item.ts";
import type { JsonObject } from "../../model/json.ts";
import type { GenerationRequest, OutputFormat, Sampling } from "../../model/request.ts";
import type { ParsedRequest, ParseContext } from "../surface.ts";
import { sessionOf } from "../surface.ts";
import type { Fields } from "./field.ts";
import {
  checkDepth,
  fieldsOf,
  given,
  optionalArray,
  optionalBoolean,
  optionalFields,
  optionalNumber,
  optionalString,
  optionalWord,
  pathOf,
  requiredString,
} from "./field.ts";
import { needsRecall, recalled } from "./history.ts";
import type { ParsedInput } from "./item.ts";
import { parseItems } from "./item.ts";
import type { ResponsesOptions } from "./option.ts";
import type { Choice, Toolbox } from "./tools.ts";
import { parseToolChoice, parseTools } from "./tools.ts";
import type { Echo, ResponsesAnswerOptions } from "./answer-options.ts";

/** Vendor's default on this surface for every model (seed 004). */
const defaultTopP = 0.95;
/** Engines differ on a nucleus of 0; this holds one token on all of them. */
const smallestNucleus = 1e-6;
const metadataLimits = { pairs: 16, key: 64, value: 512 };
/** The key under which a response names the tool types that were left out. */
const droppedKey = "parley.dropped_tools";
const unsupported = {
  conversation: "is not supported; use previous_response_id",
  prompt: "prompt templates are not supported; use instructions",
};
const strictEfforts = ["minimal", "low", "medium", "high", "none"] as const;

/** Reads a request. Throws `invalid` naming the field; fields nobody documents are ignored. */
export function parseRequest(
  body: unknown,
  context: ParseContext,
  options: ResponsesOptions,
): ParsedRequest<ResponsesAnswerOptions> {
  const fields = checkedBody(body);
  const model = requiredString(fields, "model");
  const card = context.card(model);
  const toolbox = parseTools(fields, context.strict);
  const choice = parseToolChoice(fields, toolbox, context.strict);
  const format = parseFormat(fields, context.strict);
  const sampling = parseSampling(fields, card);
  const effort = parseEffort(fields, context.strict);
  const echo = parseEcho(fields, { toolbox, choice, sampling });
  const answerOptions = parseAnswerOptions(fields, { context, card, options, echo, toolbox });
  const cacheKey = echo.promptCacheKey ?? sessionOf(context);
  const request: GenerationRequest = {
    id: context.id,
    createdAt: context.createdAt,
    model,
    items: [],
    tools: choice.definitions,
    toolChoice: choice.choice,
    parallelCalls: echo.parallelToolCalls,
    reasoning: thinkingOf(card, effort, options.defaultReasoning),
    format,
    // the response repeats what was sent
    sampling: sampling.topP === 0 ? { ...sampling, topP: smallestNucleus } : sampling,
    ...(cacheKey === undefined ? {} : { cacheKey }),
    tier: echo.serviceTier === "priority" ? "priority" : "standard",
  };
  const parsed = { request, answerOptions };
  return needsRecall(answerOptions) ? parsed : recalled(parsed, { history: [], resolve: () => undefined });
}

/** The body as fields, no deeper than can be written back. */
function checkedBody(body: unknown): Fields {
  const fields = fieldsOf(body, "");
  for (const [key, value] of Object.entries(fields.value)) checkDepth(value, key);
  for (const [key, problem] of Object.entries(unsupported)) {
    if (given(fields, key) !== undefined) throw invalid(key, problem);
  }
  optionalFields(fields, "stream_options");
  optionalString(fields, "user");
  optionalNumber(fields, "top_logprobs", { min: 0, max: 20, integer: true });
  for (const key of ["presence_penalty", "frequency_penalty"]) optionalNumber(fields, key, { min: -2, max: 2 });
  return fields;
}

interface AnswerOptionsSource {
  context: ParseContext;
  card: ModelCard;
  options: ResponsesOptions;
  echo: Echo;
  toolbox: Toolbox;
}

function parseAnswerOptions(fields: Fields, source: AnswerOptionsSource): ResponsesAnswerOptions {
  const { context, card, options, echo, toolbox } = source;
  const background = optionalBoolean(fields, "background") ?? false;
  const generate = optionalBoolean(fields, "generate") ?? true;
  const store = optionalBoolean(fields, "store");
  if (background && store === false) throw invalid("store", "must be true for a background response");
  const previousResponseId = echo.previousResponseId ?? undefined;
  const input = parseInput(fields, { card, strict: context.strict, cipher: options.cipher });
  if (input.items.length === 0 && previousResponseId === undefined && generate) {
    throw invalid("input", "chat content is empty");
  }
  return {
    stream: optionalBoolean(fields, "stream") ?? false,
    store: store ?? (background || options.storeDefault),
    storeOmitted: store === undefined,
    background,
    kind: input.compact ? "compaction" : generate ? "generation" : "warm-up",
    previousResponseId,
    input: input.items,
    encryptReasoning: parseInclude(fields).includes("reasoning.encrypted_content"),
    forms: toolbox.forms,
    echo,
  };
}

function parseInput(fields: Fields, context: Parameters<typeof parseItems>[2]): ParsedInput {
  const input = given(fields, "input");
  if (input === undefined && given(fields, "previous_response_id") === undefined) throw invalid("input", "is required");
  if (input === undefined || input === "") return { items: [], compact: false };
  if (typeof input === "string") {
    return { items: [{ type: "message", role: "user", parts: [textPart(input)] }], compact: false };
  }
  if (!Array.isArray(input)) throw invalid("input", "must be a string or an array of items");
  return parseItems(input, "input", context);
}

function parseInclude(fields: Fields): readonly unknown[] {
  const include = optionalArray(fields, "include") ?? [];
  const wrong = include.findIndex((entry) => typeof entry !== "string");
  if (wrong >= 0) throw invalid(`include[${wrong}]`, "must be a string");
  return include;
}

/** Seed 004 allows 0 to 1 here for every model, though chat goes to 2. */
function parseSampling(fields: Fields, card: ModelCard): Sampling {
  const temperature = optionalNumber(fields, "temperature", { min: 0, max: 1 });
  if (temperature === 0 && !card.temperature.zero) throw invalid("temperature", "must be greater than 0");
  const topP = optionalNumber(fields, "top_p", { min: 0, max: 1 });
  if (topP === 0 && !card.topP.zero) throw invalid("top_p", "must be greater than 0");
  const limit = optionalNumber(fields, "max_output_tokens", { min: 1, max: Infinity, integer: true });
  if (limit !== undefined && limit > card.maxOutput && card.overMaxOutput === "reject") {
    throw invalid("max_output_tokens", `must be at most ${card.maxOutput} for model ${card.id}`);
  }
  return {
    temperature: temperature ?? card.temperature.default,
    topP: topP ?? defaultTopP,
    stop: [],
    ...(limit === undefined ? {} : { maxTokens: Math.min(limit, card.maxOutput) }),
  };
}

function parseFormat(fields: Fields, strict: boolean): OutputFormat {
  const text = optionalFields(fields, "text");
  const format = text === undefined ? undefined : optionalFields(text, "format");
  if (format === undefined) return { type: "text" };
  const words = strict ? (["text"] as const) : (["text", "json_object", "json_schema"] as const);
  const type = optionalWord(format, "type", words) ?? "text";
  if (type === "text") return { type: "text" };
  if (type === "json_object") return { type: "json" };
  const schema = optionalFields(format, "schema");
  if (schema === undefined) throw invalid(pathOf(format, "schema"), "is required");
  const name = optionalString(format, "name");
  return {
    type: "schema",
    ...(name === undefined ? {} : { name }),
    schema: schema.value as JsonObject,
    strict: optionalBoolean(format, "strict") ?? false,
  };
}

function parseEffort(fields: Fields, strict: boolean): string | undefined {
  const reasoning = optionalFields(fields, "reasoning");
  if (reasoning === undefined) return undefined;
  optionalString(reasoning, "summary");
  return strict ? optionalWord(reasoning, "effort", strictEfforts) : optionalString(reasoning, "effort");
}

/** Seed 004: M3 thinks only when asked to, any effort but `none` leaves it to the model; M2.x always thinks. */
function thinkingOf(
  card: ModelCard,
  effort: string | undefined,
  omitted: ResponsesOptions["defaultReasoning"],
): GenerationRequest["reasoning"] {
  if (card.reasoning === "always") return "on";
  if (card.reasoning === "never" || effort === "none") return "off";
  return effort === undefined ? omitted : "adaptive";
}

function parseEcho(fields: Fields, source: { toolbox: Toolbox; choice: Choice; sampling: Sampling }): Echo {
  const { toolbox, choice, sampling } = source;
  const tier = optionalString(fields, "service_tier");
  return {
    instructions: optionalString(fields, "instructions") ?? null,
    previousResponseId: optionalString(fields, "previous_response_id") ?? null,
    tools: toolbox.echo,
    toolChoice: choice.echo,
    parallelToolCalls: optionalBoolean(fields, "parallel_tool_calls") ?? true,
    truncation: optionalWord(fields, "truncation", ["auto", "disabled"]) ?? "disabled",
    text: textEcho(fields),
    reasoning: reasoningEcho(fields),
    temperature: sampling.temperature ?? 1,
    topP: sampling.topP ?? defaultTopP,
    maxOutputTokens: sampling.maxTokens ?? null,
    maxToolCalls: optionalNumber(fields, "max_tool_calls", { min: 1, max: Infinity, integer: true }) ?? null,
    serviceTier: tier === "priority" || tier === "standard" ? tier : "default",
    metadata: parseMetadata(fields, toolbox.dropped),
    safetyIdentifier: optionalString(fields, "safety_identifier") ?? null,
    promptCacheKey: optionalString(fields, "prompt_cache_key") ?? null,
  };
}

function textEcho(fields: Fields): JsonObject {
  const text = optionalFields(fields, "text");
  const format = text === undefined ? undefined : optionalFields(text, "format");
  const verbosity = text === undefined ? undefined : optionalWord(text, "verbosity", ["low", "medium", "high"]);
  const type = format === undefined ? "text" : (optionalString(format, "type") ?? "text");
  return {
    format: format === undefined || type !== "json_schema" ? { type } : schemaEcho(format),
    ...(verbosity === undefined ? {} : { verbosity }),
  };
}

function schemaEcho(format: Fields): JsonObject {
  return {
    type: "json_schema",
    name: optionalString(format, "name") ?? "",
    description: optionalString(format, "description") ?? null,
    schema: (given(format, "schema") ?? null) as JsonObject | null,
    strict: optionalBoolean(format, "strict") ?? false,
  };
}

function reasoningEcho(fields: Fields): JsonObject {
  const reasoning = optionalFields(fields, "reasoning");
  if (reasoning === undefined) return { effort: null, summary: null };
  const summary = optionalString(reasoning, "summary") ?? null;
  return { effort: optionalString(reasoning, "effort") ?? null, summary };
}

function parseMetadata(fields: Fields, dropped: ReadonlySet<string>): Record<string, string> {
  const given = Object.entries(optionalFields(fields, "metadata")?.value ?? {});
  if (given.length > metadataLimits.pairs) throw invalid("metadata", `must have at most ${metadataLimits.pairs} pairs`);
  const pairs: [string, string][] = given.map(([key, value]) => {
    if (key.length > metadataLimits.key)
      throw invalid("metadata", `keys have at most ${metadataLimits.key} characters`);
    if (typeof value !== "string") throw invalid(`metadata.${key}`, "must be a string");
    if (value.length > metadataLimits.value) {
      throw invalid(`metadata.${key}`, `must have at most ${metadataLimits.value} characters`);
    }
    return [key, value];
  });
  if (dropped.size > 0) pairs.push([droppedKey, [...dropped].join(",").slice(0, metadataLimits.value)]);
  return Object.fromEntries(pairs);
}
