import type { ParleyError } from "../../model/error.ts";
import type { Usage } from "../../model/event.ts";
import type { Transcript } from "../../model/transcript.ts";
import type { ModelCard } from "../../model/card.ts";
import type { StopReason } from "../shared/answer.ts";
import { shownReason } from "../shared/answer.ts";
import { baseResp, envelope, type ErrorEnvelope } from "../shared/envelope.ts";
import type { ParsedRequest, Reply } from "../surface.ts";
import type { ChatAnswerOptions } from "./parse.ts";
import { ReasoningLayout } from "./reasoning-layout.ts";

/**
 * Shapes and key order here are the wire's (MiniMax API docs, OpenAI-compatible chat, 2026-11, and answers captured from
 * api.minimax.io in 2026-06).
 */
export const finishNames: Readonly<Record<StopReason, string>> = {
  stop: "stop",
  length: "length",
  calls: "tool_calls",
  filter: "content_filter",
};

export const assistant = { role: "assistant", name: "MiniMax AI" } as const;
export const noFault = { status_code: 0, status_msg: "" } as const;

export interface ChatUsage {
  total_tokens: number;
  total_characters: 0;
  prompt_tokens: number;
  completion_tokens: number;
  prompt_tokens_details?: { cached_tokens: number };
  completion_tokens_details?: { reasoning_tokens: number };
}

export interface ReasoningDetail {
  type: "reasoning.text";
  id: "reasoning-text-1";
  format: "MiniMax-response-v1";
  index: 0;
  text: string;
}

interface ToolCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
  index: number;
}

interface Message {
  content: string;
  role: string;
  name: string;
  tool_calls?: ToolCall[];
  audio_content: "";
  reasoning_content?: string;
  reasoning_details?: ReasoningDetail[];
}

/** The body of an answer that is not a stream. Throws the error the answer ended with. */
export function encodeBody(transcript: Transcript, parsed: ParsedRequest<ChatAnswerOptions>): unknown {
  const { request, answerOptions } = parsed;
  const reason = shownReason(transcript);
  return {
    id: request.id,
    choices: [{ finish_reason: finishNames[reason], index: 0, message: encodeMessage(transcript, parsed) }],
    created: request.createdAt,
    model: request.model,
    object: "chat.completion",
    usage: encodeUsage(transcript.usage, answerOptions.card),
    ...encodeFlags(transcript),
    ...(answerOptions.card.showsTier ? { service_tier: transcript.tier ?? answerOptions.tier } : {}),
    base_resp: noFault,
  };
}

function encodeMessage(transcript: Transcript, parsed: ParsedRequest<ChatAnswerOptions>): Message {
  let content = "";
  let reasoning = "";
  const layout = new ReasoningLayout(parsed, {
    content: (text) => (content += text),
    reasoning: (text) => (reasoning += text),
  });
  for (const item of transcript.items) {
    if (item.type === "text") layout.text(item.text);
    if (item.type !== "reasoning") continue;
    layout.reasoning(item.text);
    layout.reasoningEnd();
  }
  const calls = transcript.calls();
  return {
    content,
    ...assistant,
    ...(calls.length > 0 ? { tool_calls: calls.map(encodeCall) } : {}),
    audio_content: "",
    ...(reasoning === "" ? {} : { reasoning_content: reasoning, reasoning_details: [reasoningDetail(reasoning)] }),
  };
}

function encodeCall(call: { id: string; name: string; args: string }, index: number): ToolCall {
  return { id: call.id, type: "function", function: { name: call.name, arguments: call.args || "{}" }, index };
}

export function reasoningDetail(text: string): ReasoningDetail {
  return { type: "reasoning.text", id: "reasoning-text-1", format: "MiniMax-response-v1", index: 0, text };
}

/** Models differ in the details they show: the card says which. */
export function encodeUsage(usage: Usage | undefined, card: ModelCard): ChatUsage {
  const { input, output, cached, reasoning } = usage ?? { input: 0, output: 0, cached: 0, reasoning: 0 };
  const showsCached = card.usageDetail.cached === "always" || cached > 0;
  return {
    total_tokens: input + output,
    total_characters: 0,
    prompt_tokens: input,
    completion_tokens: output,
    ...(showsCached ? { prompt_tokens_details: { cached_tokens: Math.min(cached, input) } } : {}),
    ...(card.usageDetail.reasoning
      ? { completion_tokens_details: { reasoning_tokens: Math.min(reasoning, output) } }
      : {}),
  };
}

/** Marks of moderation; the types are 0 when nothing was marked. */
export function encodeFlags(transcript: { inputFlag: number; outputFlag: number }): Record<string, boolean | number> {
  return {
    input_sensitive: transcript.inputFlag > 0,
    output_sensitive: transcript.outputFlag > 0,
    input_sensitive_type: transcript.inputFlag,
    output_sensitive_type: transcript.outputFlag,
    output_sensitive_int: 0,
  };
}

/** The body of a chat error: the vendor's envelope, then `base_resp`, which its chat page documents for every answer. */
interface ChatErrorBody extends ErrorEnvelope {
  base_resp: { status_code: number; status_msg: string };
}

/** An error of chat, also inside a stream. */
export function chatError(error: ParleyError, requestId: string): Reply & { body: ChatErrorBody } {
  const { status, headers, body } = envelope(error, requestId);
  return { status, headers, body: { ...body, base_resp: baseResp(error) } };
}
