import type { Steps } from "../../lib/time-slices.ts";
import type { ModelCard } from "../../model/card.ts";
import { ParleyError } from "../../model/error.ts";
import type { GenerationRequest, OutputFormat, Sampling } from "../../model/request.ts";
import { readChunkSize, type ChunkSize } from "../shared/chunk-size.ts";
import { effortOf } from "../shared/effort.ts";
import { Fields, type Phrases } from "../shared/fields.ts";
import { refuseOverlongBody } from "../shared/prompt-size.ts";
import { engineTopP, readAnswerLimit, readStop, readTier } from "../shared/sampling.ts";
import { readSchemaFormat } from "../shared/tools.ts";
import { sessionOf, type ParsedRequest, type ParseContext } from "../surface.ts";
import { threadUnsupported } from "./error.ts";
import { readConversation } from "./message.ts";
import type { Signer } from "./signature.ts";
import { readToolChoice, readTools } from "./tools.ts";

/** What only the answer needs. */
export interface MessagesAnswerOptions {
  stream: boolean;
  /** Thinking blocks are sent without their text (`thinking.display`). */
  omitsThinking: boolean;
  tier: GenerationRequest["tier"];
  /** Whose encrypted thinking the answer holds; absent: no one's. */
  owner: string | undefined;
  /** Types of the tools that were left out, which the answer names. */
  droppedTools: readonly string[];
  chunkSize: ChunkSize;
}

export interface MessagesOptions extends Signer {
  chunkSize: ChunkSize;
}

/** Paths have dots here: `messages.0.content.1` (MiniMax API docs, Anthropic-compatible messages, 2026-11). */
const phrases: Phrases = {
  wrongType: (wanted) => `must be ${wanted}`,
  boolean: "true or false",
  element: (index) => `.${index}`,
  depth: { levels: 101, problem: "must not nest deeper than 100 levels" },
  model: (id) => id,
  takes: "support",
};

/**
 * Reads one request (MiniMax API docs, Anthropic-compatible messages, 2026-11, and what the clients of this surface send).
 * Fields it does not know are ignored, as the vendor does. Throws `invalid` naming the field at fault, `not-found` for an
 * unknown model.
 */
export function* parseMessages(
  value: unknown,
  context: ParseContext,
  options: MessagesOptions,
): Steps<ParsedRequest<MessagesAnswerOptions>> {
  const body = Fields.of(value, "", phrases);
  const card = readModel(body, context);
  refuseOverlongBody(body, ["system", "messages", "tools"], context.contextWindow?.(card.id) ?? card.contextWindow);
  refuseThread(body);
  const { tools, dropped } = yield* readTools(body, context.strict);
  const tier = readTier(body, plainTiers, context.strict);
  const cacheKey = sessionOf(context);
  body.object("metadata")?.string("user_id");
  const thinking = readThinking(body, card);
  const request: GenerationRequest = {
    id: context.id,
    createdAt: context.createdAt,
    model: card.id,
    reasoning: thinking.reasoning,
    ...effortOf(body.object("output_config")?.given("effort"), card),
    sampling: readSampling(body, card, context.strict),
    format: yield* readFormat(body),
    tools,
    ...readToolChoice(body, tools, context.strict),
    items: yield* readConversation(body, { card, strict: context.strict, owner: context.owner, signer: options }),
    tier,
    ...(context.strict ? { strict: true } : {}),
    ...(cacheKey === undefined ? {} : { cacheKey }),
  };
  const answerOptions = {
    stream: body.boolean("stream") ?? false,
    omitsThinking: thinking.omitted,
    tier,
    owner: context.owner,
    droppedTools: dropped,
    chunkSize: readChunkSize(context, options.chunkSize),
  };
  return { request, answerOptions };
}

/** Claude Code's settings write the size of the window behind the name (MiniMax API docs, Claude Code, 2026-10). */
const windowMark = /\[1m\]$/i;

function readModel(body: Fields, context: ParseContext): ModelCard {
  const name = body.requiredString("model").replace(windowMark, "");
  try {
    return context.card(name);
  } catch (thrown) {
    if (!(thrown instanceof ParleyError) || thrown.kind !== "invalid") throw thrown;
    throw new ParleyError("not-found", thrown.message, { param: "model" });
  }
}

/**
 * A thread is a conversation that the server keeps: its next request holds the new messages only. It is refused in the words
 * by which the SDK (`@anthropic-ai/sdk` 1.14, tool runner) begins to send whole histories.
 */
function refuseThread(body: Fields): void {
  if (body.given("thread") === undefined) return;
  const problem = "thread: conversations are not kept here, send the whole history";
  throw new ParleyError("invalid", problem, { param: "thread", code: threadUnsupported });
}

/** Off where it is left out, unlike chat; models that always think do so. */
function readThinking(body: Fields, card: ModelCard): { reasoning: GenerationRequest["reasoning"]; omitted: boolean } {
  const thinking = body.object("thinking");
  const type = thinking?.required("type", thinking.word("type", ["disabled", "adaptive", "enabled"])) ?? "disabled";
  thinking?.number("budget_tokens");
  const omitted = thinking?.string("display") === "omitted";
  if (card.reasoning === "always") return { reasoning: "on", omitted };
  if (card.reasoning === "never" || type === "disabled") return { reasoning: "off", omitted };
  return { reasoning: type === "enabled" ? "on" : "adaptive", omitted };
}

function readSampling(body: Fields, card: ModelCard, strict: boolean): Sampling {
  const maxTokens = readAnswerLimit(body, ["max_tokens"], card);
  const topP = body.number("top_p", { min: 0, max: 1 }) ?? card.topP.default;
  const stop = readStop(body, "stop_sequences");
  return {
    temperature: body.number("temperature", { min: 0, max: card.temperature.max }) ?? card.temperature.default,
    topP: engineTopP(topP),
    // the vendor takes them and does nothing
    stop: strict ? [] : stop,
    ...(maxTokens === undefined ? {} : { maxTokens }),
  };
}

/** Tiers of Anthropic's own that its clients send. */
const plainTiers: readonly string[] = ["auto", "standard_only"];

/** `output_config.format`, or `output_format` as older SDKs name it. */
function* readFormat(body: Fields): Steps<OutputFormat> {
  const format = body.object("output_config")?.object("format") ?? body.object("output_format");
  if (format === undefined) return { type: "text" };
  format.required("type", format.word("type", ["json_schema"]));
  return yield* readSchemaFormat(format);
}
