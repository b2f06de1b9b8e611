import type { Steps } from "../../lib/time-slices.ts";
import type { ModelCard } from "../../model/card.ts";
import { ParleyError } from "../../model/error.ts";
import type { GenerationRequest, Sampling } from "../../model/request.ts";
import { effortOf } from "../shared/effort.ts";
import { Fields } from "../shared/fields.ts";
import type { Phrases } from "../shared/fields.ts";
import { refuseOverlongBody } from "../shared/prompt-size.ts";
import { engineTopP, readAnswerLimit, readStop, readTier } from "../shared/sampling.ts";
import type { ParsedRequest, ParseContext } from "../surface.ts";
import { sessionOf } from "../surface.ts";
import type { ChunkSize } from "../shared/chunk-size.ts";
import { readChunkSize } from "../shared/chunk-size.ts";
import { readMessages } from "./message.ts";
import { readFormat, readToolChoice, readTools } from "./tools.ts";

/** What only the answer needs. */
export interface ChatAnswerOptions {
  stream: boolean;
  includeUsage: boolean;
  /** Reasoning stands in fields of its own instead of think tags in the content. */
  reasoningSplit: boolean;
  tier: GenerationRequest["tier"];
  card: ModelCard;
  chunkSize: ChunkSize;
}

const phrases: Phrases = {
  wrongType: (wanted, value) => (value === null ? "is required" : `must be ${wanted}, not ${kindOf(value)}`),
  boolean: "a boolean",
  infinite: "is too large",
  depth: { levels: 100, problem: "must not be nested deeper than 100 levels" },
  model: (id) => id,
  takes: "support",
};

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/**
 * Reads one chat request (MiniMax API docs, OpenAI-compatible chat, 2026-11). Fields it does not know are ignored, as the
 * vendor does. Throws `invalid` naming the field at fault.
 */
export function* parseChat(
  value: unknown,
  context: ParseContext,
  chunkSize: ChunkSize,
): Steps<ParsedRequest<ChatAnswerOptions>> {
  const body = Fields.of(value, "", phrases);
  const card = context.card(body.requiredString("model"));
  refuseOverlongBody(body, ["messages", "tools"], context.contextWindow?.(card.id) ?? card.contextWindow);
  const { toolChoice, tools } = readToolChoice(body, yield* readTools(body, context.strict));
  const tier = readTier(body, plainTiers, context.strict);
  const cacheKey = readCacheKey(body, context);
  readChoiceCount(body, context.strict);
  const request: GenerationRequest = {
    id: context.id,
    createdAt: context.createdAt,
    // as the catalog spells it
    model: card.id,
    reasoning: readReasoning(body, card),
    ...effortOf(body.given("reasoning_effort"), card),
    sampling: readSampling(body, card),
    format: yield* readOutput(body, card, context.strict),
    tools,
    toolChoice,
    parallelCalls: body.boolean("parallel_tool_calls") ?? true,
    items: yield* readMessages(body, card, context.strict),
    tier,
    ...(context.strict ? { strict: true } : {}),
    ...(cacheKey === undefined ? {} : { cacheKey }),
  };
  // A client that asked for JSON parses the whole content: a think block in it would break every answer.
  const splitByDefault = card.reasoningSplit === true || request.format.type !== "text";
  const reasoningSplit = body.boolean("reasoning_split") ?? splitByDefault;
  return { request, answerOptions: { ...readStreaming(body, chunkSize, context), reasoningSplit, tier, card } };
}

type Streaming = Pick<ChatAnswerOptions, "stream" | "includeUsage" | "chunkSize">;

function readStreaming(body: Fields, chunkSize: ChunkSize, context: ParseContext): Streaming {
  const options = body.object("stream_options");
  return {
    stream: body.boolean("stream") ?? false,
    includeUsage: options?.boolean("include_usage") ?? false,
    chunkSize: readChunkSize(context, chunkSize),
  };
}

/** Only a hint, so a wrong type is ignored like any field the vendor does not document. */
function readCacheKey(body: Fields, context: ParseContext): string | undefined {
  const value = body.given("prompt_cache_key");
  return typeof value === "string" && value !== "" ? value : sessionOf(context);
}

/** There is always one choice, as the vendor answers since 2026-06; strict mode refuses more, as its page documents. */
function readChoiceCount(body: Fields, strict: boolean): void {
  const n = body.count("n");
  if (strict && n !== undefined && n !== 1) throw body.error("n", "only 1 is supported");
}

function readReasoning(body: Fields, card: ModelCard): GenerationRequest["reasoning"] {
  const type = body.object("thinking")?.string("type") ?? "adaptive";
  if (type !== "adaptive" && type !== "disabled") {
    const shown = JSON.stringify(type.slice(0, 64));
    const problem = `invalid thinking.type: ${shown} (allowed: adaptive, disabled)`;
    throw new ParleyError("invalid", problem, { param: "thinking.type" });
  }
  if (type === "disabled" && card.defaultEffort !== undefined) {
    // the vendor's M3.1 says so; M2.x takes the word and thinks
    const problem = `${card.id} requires adaptive thinking`;
    throw new ParleyError("invalid", problem, { param: "thinking.type" });
  }
  if (card.reasoning === "always") return "on";
  return card.reasoning === "never" || type === "disabled" ? "off" : "adaptive";
}

function readSampling(body: Fields, card: ModelCard): Sampling {
  const seed = body.number("seed", { integer: true });
  // `max_completion_tokens` wins over its deprecated predecessor
  const maxTokens = readAnswerLimit(body, ["max_tokens", "max_completion_tokens"], card);
  const topP = readRange(body, "top_p", { max: 1, zero: card.topP.zero }) ?? card.topP.default;
  return {
    temperature: readRange(body, "temperature", card.temperature) ?? card.temperature.default,
    topP: engineTopP(topP),
    stop: readStop(body, "stop"),
    ...(seed === undefined ? {} : { seed }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
  };
}

function readRange(body: Fields, key: string, range: { max: number; zero: boolean }): number | undefined {
  const number = body.number(key);
  if (number === undefined) return undefined;
  if (number < 0 || number > range.max || (number === 0 && !range.zero)) {
    throw body.error(key, `must be in ${range.zero ? "[" : "("}0, ${range.max}]`);
  }
  return number;
}

/** Tiers of OpenAI's own that clients send by habit. */
const plainTiers: readonly string[] = ["auto", "default", "flex", "scale", "fast"];

function* readOutput(body: Fields, card: ModelCard, strict: boolean): Steps<GenerationRequest["format"]> {
  const format = yield* readFormat(body);
  if (!strict || card.family !== "m3" || format.type === "text") return format;
  const name = format.type === "json" ? "json_object" : "json_schema";
  throw body.error("response_format", `${card.id} does not support ${name}`);
}
