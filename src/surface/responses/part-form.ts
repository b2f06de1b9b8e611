import type { JsonObject } from "../../model/json.ts";

/** How the one part of a message or of reasoning stands on the wire. */
export interface PartForm {
  /** The field of the item that lists its parts. */
  field: "content" | "summary";
  /** The field of an event that says which part it is about. */
  index: "content_index" | "summary_index";
  /** Its events are this with `.added` and `.done`. */
  partEvent: string;
  /** The events of its text are this with `.delta` and `.done`. */
  textEvent: string;
  /** What the events of its text hold besides. */
  extra: JsonObject;
  part: (text: string) => JsonObject;
}

export const messageForm: PartForm = {
  field: "content",
  index: "content_index",
  partEvent: "response.content_part",
  textEvent: "response.output_text",
  extra: { logprobs: [] },
  part: textContent,
};

/** Reasoning as the vendor shows it (MiniMax API docs, create response, 2026-11). */
export const reasoningForm: PartForm = {
  field: "content",
  index: "content_index",
  partEvent: "response.content_part",
  textEvent: "response.reasoning_text",
  extra: {},
  part: (text) => ({ type: "reasoning_text", text }),
};

/** Reasoning where the request asks for a summary of it: the whole text, in the place that OpenAI's clients show. */
export const summaryForm: PartForm = {
  field: "summary",
  index: "summary_index",
  partEvent: "response.reasoning_summary_part",
  textEvent: "response.reasoning_summary_text",
  extra: {},
  part: (text) => ({ type: "summary_text", text }),
};

export function textContent(text: string): JsonObject {
  return { type: "output_text", text, annotations: [] };
}
