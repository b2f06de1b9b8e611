import type { FinishReason, Usage } from "../../model/event.ts";
import type { IdSource } from "../../model/id.ts";
import { unixSeconds } from "../../model/id.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import type { Transcript } from "../../model/transcript.ts";
import type { ParsedRequest } from "../surface.ts";
import { responseError } from "./error.ts";
import type { Echo, ResponsesAnswerOptions } from "./answer-options.ts";

export type ResponseStatus = "queued" | "in_progress" | "completed" | "incomplete" | "failed" | "cancelled";

const statuses: Readonly<Record<FinishReason, ResponseStatus>> = {
  stop: "completed",
  calls: "completed",
  length: "incomplete",
  filter: "incomplete",
  error: "failed",
};
const incompleteReasons: Readonly<Partial<Record<FinishReason, string>>> = {
  length: "max_output_tokens",
  filter: "content_filter",
};

/** The part of a body that differs between kinds of answers. */
export interface ResponseOutput {
  /** Every output item so far. */
  items(transcript: Transcript): JsonObject[];
  /** All answer text, for `output_text`. */
  text(transcript: Transcript): string;
}

/** What a body is made from besides the answer itself. */
export interface BodySource {
  parsed: ParsedRequest<ResponsesAnswerOptions>;
  ids: IdSource;
  output: ResponseOutput;
}

/** The status an answer has come to. */
export function statusFrom(transcript: Transcript): ResponseStatus {
  if (transcript.finish === undefined) return "in_progress";
  return transcript.finish.error?.kind === "canceled" ? "cancelled" : statuses[transcript.finish.reason];
}

/**
 * The response object: the vendor's fields first, in the order of its samples, then what Open
 * Responses requires beyond them.
 */
export function responseBody(source: BodySource, transcript: Transcript, status = statusFrom(transcript)): JsonObject {
  const { request, answerOptions } = source.parsed;
  const { echo } = answerOptions;
  const { finish } = transcript;
  const reason = status === "incomplete" && finish !== undefined ? incompleteReasons[finish.reason] : undefined;
  const failure = status === "failed" ? finish?.error : undefined;
  return {
    id: request.id,
    object: "response",
    created_at: request.createdAt,
    model: request.model,
    status,
    output: source.output.items(transcript),
    output_text: source.output.text(transcript),
    usage: transcript.usage === undefined ? null : usageBody(transcript.usage),
    parallel_tool_calls: echo.parallelToolCalls,
    store: answerOptions.store,
    truncation: echo.truncation,
    error: failure === undefined ? null : responseError(failure),
    incomplete_details: reason === undefined ? null : { reason },
    completed_at: status === "completed" ? unixSeconds(source.ids) : null,
    background: answerOptions.background,
    previous_response_id: echo.previousResponseId,
    instructions: echo.instructions,
    max_output_tokens: echo.maxOutputTokens,
    max_tool_calls: echo.maxToolCalls,
    tools: echo.tools as Json,
    tool_choice: echo.toolChoice,
    text: echo.text,
    reasoning: echo.reasoning,
    temperature: echo.temperature,
    top_p: echo.topP,
    // Accepted, but no engine here uses them: the response says what was used.
    presence_penalty: 0,
    frequency_penalty: 0,
    top_logprobs: 0,
    service_tier: tierOf(transcript, echo.serviceTier),
    metadata: echo.metadata,
    safety_identifier: echo.safetyIdentifier,
    prompt_cache_key: echo.promptCacheKey,
    ...droppedBody(echo.dropped),
  };
}

/** What of the request was left out; a field of our own, so that `metadata` stays the caller's. */
function droppedBody({ tools, items }: Echo["dropped"]): JsonObject {
  if (tools.length + items.length === 0) return {};
  return {
    parley: {
      ...(tools.length === 0 ? {} : { dropped_tools: [...tools] }),
      ...(items.length === 0 ? {} : { dropped_items: [...items] }),
    },
  };
}

/** The tier that was used, where the engine reports it; under the name the caller chose, as long as it is the same tier. */
function tierOf({ tier }: Transcript, asked: string): string {
  if (tier === undefined || (tier === "priority") === (asked === "priority")) return asked;
  return tier === "priority" ? tier : "default";
}

/** Token counts on the wire. */
export function usageBody(usage: Usage): JsonObject {
  return {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: usage.cached },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: usage.input + usage.output,
  };
}
