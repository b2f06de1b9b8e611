import type { Family } from "../../model/card.ts";
import { textOf, type Item, type Part } from "../../model/item.ts";
import { isObject, type Json, type JsonObject } from "../../model/json.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { UpstreamClient } from "./wire/client.ts";
import type { Dialect } from "./dialect/dialect.ts";
import { chatMessages, content } from "./dialect/message.ts";
import { reasoningSwitchFields, toolFields } from "./dialect/request.ts";

export interface CountInput {
  request: GenerationRequest;
  dialect: Dialect;
  family: Family | undefined;
  signal: AbortSignal;
}

type Ask = (client: UpstreamClient, input: CountInput) => Promise<unknown>;

/** How each server counts the tokens of a prompt; the number, or anything else where it has none. */
const counters: Readonly<Record<Dialect["count"], Ask>> = {
  none: async () => undefined,
  vllm: async (client, input) => {
    const answer = await client.ask(
      "/tokenize",
      { model: input.request.model, ...prompt(input), add_generation_prompt: true },
      input.signal,
    );
    return isObject(answer) ? answer["count"] : undefined;
  },
  "llama-server": async (client, input) => {
    const rendered = await client.ask("/apply-template", prompt(input), input.signal);
    if (!isObject(rendered)) return undefined;
    const body = { content: rendered["prompt"], add_special: true, parse_special: true };
    const answer = await client.ask("/tokenize", body, input.signal);
    return isObject(answer) && Array.isArray(answer["tokens"]) ? answer["tokens"].length : undefined;
  },
  responses: async (client, input) => {
    const answer = await client.ask("responses/input_tokens", responsesBody(input), input.signal);
    return isObject(answer) ? answer["input_tokens"] : undefined;
  },
};

/** Exact input tokens by the upstream's own count; `undefined` where it has none or did not answer. */
export async function countTokens(client: UpstreamClient, input: CountInput): Promise<number | undefined> {
  try {
    const signal = AbortSignal.any([input.signal, AbortSignal.timeout(10_000)]);
    const tokens = await counters[input.dialect.count](client, { ...input, signal });
    return typeof tokens === "number" ? tokens : undefined;
  } catch {
    input.signal.throwIfAborted();
    // Counting is a convenience; the caller falls back to an estimate.
    return undefined;
  }
}

function prompt({ request, dialect, family }: CountInput): JsonObject {
  const { tools } = toolFields({ ...request, toolChoice: "auto" }, dialect);
  return {
    messages: chatMessages(request.items, dialect, family),
    ...(tools === undefined ? {} : { tools }),
    ...reasoningSwitchFields(request, dialect, family),
  };
}

/** The request in the form of the Responses endpoint (platform.minimaxi.com/docs/api-reference/responses-input-tokens). */
function responsesBody({ request, dialect }: CountInput): JsonObject {
  const tools = request.tools.map(({ path: _, ...tool }) => ({ type: "function", ...tool }));
  return {
    model: request.model,
    input: request.items.map((item) => responsesItem(item, dialect)),
    ...(tools.length === 0 ? {} : { tools }),
  };
}

function responsesItem(item: Item, dialect: Dialect): JsonObject {
  if (item.type === "reasoning") {
    return { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: item.text }] };
  }
  if (item.type === "call") return { type: "function_call", call_id: item.id, name: item.name, arguments: item.args };
  if (item.type === "result") {
    return { type: "function_call_output", call_id: item.id, output: inputParts(item.parts, dialect) };
  }
  if (item.role !== "assistant") return { type: "message", role: item.role, content: inputParts(item.parts, dialect) };
  return { type: "message", role: item.role, content: [{ type: "output_text", text: textOf(item.parts) }] };
}

/** The parts of a chat message under the names that the Responses endpoint has for them. */
function inputParts(parts: readonly Part[], dialect: Dialect): Json {
  const chat = content(parts, dialect);
  if (!Array.isArray(chat)) return [{ type: "input_text", text: chat }];
  return (chat as JsonObject[]).map(({ type, ...rest }) => ({
    type: typeof type === "string" ? (inputTypes[type] ?? type) : null,
    ...rest,
  }));
}

const inputTypes: Readonly<Record<string, string>> = {
  text: "input_text",
  image_url: "input_image",
  video_url: "input_video",
};
