import type { ModelCard } from "../../model/card.ts";
import { invalid, ParleyError } from "../../model/error.ts";
import { isObject } from "../../model/json.ts";
import type { GenerationRequest, Sampling } from "../../model/request.ts";
import type { ParsedRequest, ParseContext } from "../surface.ts";
import { sessionOf } from "../surface.ts";
import { readArray, readBoolean, readInteger, readNumber, readObject, readString, required } from "./field.ts";
import { readMessages } from "./message.ts";
import { readPacket } from "./packet.ts";
import type { Packet } from "./packet.ts";
import { readFormat, readToolChoice, readTools } from "./tool.ts";

type Body = Readonly<Record<string, unknown>>;

/** What only the answer cares about. */
export interface ChatAnswerOptions {
  stream: boolean;
  includeUsage: boolean;
  reasoningSplit: boolean;
  tier: GenerationRequest["tier"];
  card: ModelCard;
  packet: Packet;
}

/** Engines differ on a nucleus of 0; this is small enough to hold one token on all of them. */
const smallestNucleus = 1e-6;
const packetHeader = "x-parley-packet";
/** Engines look for every one of them at every token. */
const mostStops = 16;

/** Reads one chat request (spec sheet 1.2). Fields it does not know are ignored, as the vendor does. */
export function parseChat(value: unknown, context: ParseContext, packet: Packet): ParsedRequest<ChatAnswerOptions> {
  if (!isObject(value)) throw invalid("", "the body must be a JSON object");
  const body: Body = value;
  const model = required(readString(body["model"], "model"), "model");
  const card = context.card(model);
  const { toolChoice, tools } = readToolChoice(body["tool_choice"], readTools(body["tools"], context.strict));
  const tier = readTier(body["service_tier"], context.strict);
  const cacheKey = readCacheKey(body["prompt_cache_key"], context);
  refuseSeveral(body["n"]);
  const request: GenerationRequest = {
    id: context.id,
    createdAt: context.createdAt,
    model,
    reasoning: readThinking(body["thinking"], card),
    sampling: readSampling(body, card),
    format: readOutput(body["response_format"], card, context.strict),
    tools,
    toolChoice,
    parallelCalls: readBoolean(body["parallel_tool_calls"], "parallel_tool_calls") ?? true,
    items: readMessages(body["messages"], card, context.strict),
    tier,
    ...(cacheKey === undefined ? {} : { cacheKey }),
  };
  // A client that asked for JSON parses the whole content: a think block in it would break every answer.
  const reasoningSplit = readBoolean(body["reasoning_split"], "reasoning_split") ?? request.format.type !== "text";
  return { request, answerOptions: { ...readWanted(body, packet, context), reasoningSplit, tier, card } };
}

type StreamWanted = Pick<ChatAnswerOptions, "stream" | "includeUsage" | "packet">;

function readWanted(body: Body, packet: Packet, context: ParseContext): StreamWanted {
  const options = readObject(body["stream_options"], "stream_options") ?? {};
  return {
    stream: readBoolean(body["stream"], "stream") ?? false,
    includeUsage: readBoolean(options["include_usage"], "stream_options.include_usage") ?? false,
    packet: readPacket(context.header(packetHeader), packetHeader, packet),
  };
}

/** Only a hint, so a wrong type is ignored like any field the vendor does not document. */
function readCacheKey(value: unknown, context: ParseContext): string | undefined {
  return typeof value === "string" && value !== "" ? value : sessionOf(context);
}

/** `n: 2` answered with one choice would be a silent lie, so it is refused. */
function refuseSeveral(value: unknown): void {
  const n = readInteger(value, "n");
  if (n !== undefined && n !== 1) throw invalid("n", "only 1 is supported");
}

function readThinking(value: unknown, card: ModelCard): GenerationRequest["reasoning"] {
  const thinking = readObject(value, "thinking");
  const type = readString(thinking?.["type"], "thinking.type") ?? "adaptive";
  if (type !== "adaptive" && type !== "disabled") {
    const shown = JSON.stringify(type.slice(0, 64));
    const problem = `invalid thinking.type: ${shown} (allowed: adaptive, disabled)`;
    throw new ParleyError("invalid", problem, { param: "thinking.type" });
  }
  if (card.reasoning === "always") return "on";
  return card.reasoning === "never" || type === "disabled" ? "off" : "adaptive";
}

function readSampling(body: Body, card: ModelCard): Sampling {
  const seed = readInteger(body["seed"], "seed");
  const maxTokens = readLimit(body, card);
  const topP = readRange(body["top_p"], "top_p", { max: 1, zero: card.topP.zero }) ?? card.topP.default;
  return {
    temperature: readRange(body["temperature"], "temperature", card.temperature) ?? card.temperature.default,
    topP: topP === 0 ? smallestNucleus : topP,
    stop: readStop(body["stop"]),
    ...(seed === undefined ? {} : { seed }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
  };
}

function readRange(value: unknown, path: string, range: { max: number; zero: boolean }): number | undefined {
  const number = readNumber(value, path);
  if (number === undefined) return undefined;
  if (number < 0 || number > range.max || (number === 0 && !range.zero)) {
    throw invalid(path, `must be in ${range.zero ? "[" : "("}0, ${range.max}]`);
  }
  return number;
}

/** `max_completion_tokens` wins over its deprecated elder (spec sheet 1.2). */
function readLimit(body: Body, card: ModelCard): number | undefined {
  const elder = readCount(body["max_tokens"], "max_tokens");
  const current = readCount(body["max_completion_tokens"], "max_completion_tokens");
  const limit = current ?? elder;
  if (card.overMaxOutput === "clamp") return Math.min(limit ?? card.maxOutput, card.maxOutput);
  if (limit !== undefined && limit > card.maxOutput) {
    const path = current === undefined ? "max_tokens" : "max_completion_tokens";
    throw invalid(path, `must be at most ${card.maxOutput} for ${card.id}`);
  }
  return limit;
}

function readCount(value: unknown, path: string): number | undefined {
  const count = readInteger(value, path);
  if (count !== undefined && count < 1) throw invalid(path, "must be at least 1");
  return count;
}

function readStop(value: unknown): string[] {
  if (typeof value === "string") return value === "" ? [] : [value];
  const list = readArray(value, "stop") ?? [];
  if (list.length > mostStops) throw invalid("stop", `must hold at most ${mostStops} texts`);
  const texts = list.map((text, index) => required(readString(text, `stop[${index}]`), `stop[${index}]`));
  return texts.filter((text) => text !== "");
}

/** Tiers of OpenAI's own that clients send by habit. */
const plainTiers: readonly string[] = ["auto", "default", "flex"];

function readTier(value: unknown, strict: boolean): GenerationRequest["tier"] {
  const tier = readString(value, "service_tier") ?? "standard";
  if (tier === "standard" || tier === "priority") return tier;
  if (!strict && plainTiers.includes(tier)) return "standard";
  throw invalid("service_tier", "must be standard or priority");
}

function readOutput(value: unknown, card: ModelCard, strict: boolean): GenerationRequest["format"] {
  const format = readFormat(value);
  if (strict && card.family === "m3" && format.type !== "text") {
    throw invalid(
      "response_format",
      `${card.id} does not support ${format.type === "json" ? "json_object" : "json_schema"}`,
    );
  }
  return format;
}
