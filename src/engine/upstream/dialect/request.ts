import type { Family } from "../../../model/card.ts";
import type { Json, JsonObject } from "../../../model/json.ts";
import type { GenerationRequest, OutputFormat, ToolDefinition } from "../../../model/request.ts";
import type { Dialect } from "./dialect.ts";
import { chatMessages } from "./message.ts";

/** A body under construction. */
type Body = Record<string, Json | undefined>;

/** The body of `POST /v1/chat/completions` for an upstream. Pure; key order of tool schemas is the caller's. */
export function chatBody(request: GenerationRequest, dialect: Dialect, family: Family | undefined): JsonObject {
  const { sampling } = request;
  const body: Body = {
    model: request.model,
    messages: chatMessages(request.items, dialect, family),
    ...streamFields(request, dialect),
  };
  if (sampling.maxTokens !== undefined) body[dialect.limit] = sampling.maxTokens;
  if (sampling.temperature !== undefined) body["temperature"] = sampling.temperature;
  if (sampling.topP !== undefined) body["top_p"] = sampling.topP;
  if (sampling.topK !== undefined && dialect.topK) body["top_k"] = sampling.topK;
  if (sampling.seed !== undefined) body["seed"] = sampling.seed;
  if (sampling.stop.length > 0) body["stop"] = sampling.stop;
  if (dialect.split) body["reasoning_split"] = true;
  if (dialect.tier && request.tier !== "standard") body["service_tier"] = request.tier;
  if (dialect.cacheKey && request.cacheKey !== undefined) body["prompt_cache_key"] = request.cacheKey;
  return {
    ...body,
    ...toolFields(request, dialect),
    ...reasoningSwitchFields(request, dialect, family),
    ...formatFields(request.format, dialect),
  };
}

/** Whether the answer is asked for as a stream: in pieces, or as one body. */
export function streamFields({ delivery }: GenerationRequest, { streamUsage }: Dialect): JsonObject {
  if (delivery === "whole") return { stream: false };
  return { stream: true, ...(streamUsage ? { stream_options: { include_usage: true } } : {}) };
}

/** Tools, their choice and the switch for several at once; nothing where no tools are declared. */
export function toolFields(request: GenerationRequest, dialect: Dialect): JsonObject {
  const { tools, toolChoice } = request;
  if (tools.length === 0) return {};
  const body: Body = { tools: tools.map((tool) => toolField(tool, dialect)) };
  if (typeof toolChoice === "object") {
    const narrow = dialect.namedChoice === "narrow";
    const named = tools.filter((tool) => tool.name === toolChoice.name);
    if (narrow) body["tools"] = named.map((tool) => toolField(tool, dialect));
    body["tool_choice"] = narrow ? "required" : { type: "function", function: { name: toolChoice.name } };
  } else if (toolChoice !== "auto") body["tool_choice"] = toolChoice;
  if (!request.parallelCalls) body["parallel_tool_calls"] = false;
  return body;
}

function toolField({ name, description, parameters, strict }: ToolDefinition, dialect: Dialect): JsonObject {
  const shown = { name, ...(description === undefined ? {} : { description }), parameters };
  const held = strict === undefined || !dialect.strictTools ? {} : { strict };
  return { type: "function", function: { ...shown, ...held } };
}

/** M3's template takes three modes, M2 always reasons, other makers' templates mostly know `enable_thinking`. */
const templateModes = { on: "enabled", off: "disabled", adaptive: "adaptive" } as const;

/** The fields that switch reasoning; nothing where the model or the server leaves no choice. */
export function reasoningSwitchFields(
  request: GenerationRequest,
  dialect: Dialect,
  family: Family | undefined,
): JsonObject {
  const { reasoning, effort } = request;
  if (family === "m2" || family === "her") return {};
  const field: JsonObject = effort === undefined || dialect.effort !== "field" ? {} : { reasoning_effort: effort };
  if (dialect.reasoningSwitch === "effort") return reasoning === "off" ? { reasoning_effort: "none" } : field;
  // The vendor refuses `enabled` (platform.minimax.io/docs/api-reference/text-chat-openai): adaptive means on.
  if (dialect.reasoningSwitch === "object")
    return { thinking: { type: reasoning === "off" ? "disabled" : "adaptive" }, ...field };
  if (dialect.reasoningSwitch === "none") return field;
  // Templates ignore what they do not know; a model of another maker may stand behind an M3 name.
  const kwargs = {
    ...(family === "m3" ? { thinking_mode: templateModes[reasoning] } : {}),
    ...(reasoning === "adaptive" ? {} : { enable_thinking: reasoning === "on" }),
    ...(effort === undefined || dialect.effort !== "template" ? {} : { reasoning_effort: effort }),
  };
  return Object.keys(kwargs).length === 0 ? {} : { chat_template_kwargs: kwargs };
}

function formatFields(format: OutputFormat, dialect: Dialect): JsonObject {
  if (format.type === "text" || dialect.format === "none") return {};
  if (format.type === "json") return { response_format: { type: "json_object" } };
  if (dialect.format === "guided_json") return { guided_json: format.schema };
  const { name = "answer", schema, strict } = format;
  return { response_format: { type: "json_schema", json_schema: { name, schema, strict } } };
}
