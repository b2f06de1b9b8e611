import { invalid } from "../../model/error.ts";
import type { Usage } from "../../model/event.ts";
import { textPart } from "../../model/item.ts";
import type { JsonObject } from "../../model/json.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { Transcript } from "../../model/transcript.ts";
import type { ParsedRequest } from "../surface.ts";
import { usageBody } from "./body.ts";
import type { TextCipher } from "../../lib/cipher.ts";
import { encryptText } from "./encrypted-text.ts";
import type { ResponsesAnswerOptions } from "./answer-options.ts";

/** What the model is asked at the end of the conversation. */
const instruction =
  "Summarize the conversation above so that it can be continued from your summary alone. Keep names, facts, numbers, " +
  "decisions, file names, results of tools and open tasks. Write only the summary.";

const nothingUsed: Usage = { input: 0, cached: 0, output: 0, reasoning: 0 };

/** The request that lets the model itself summarize a conversation. Throws `invalid` where there is none. */
export function compactionRequest({ request }: ParsedRequest<ResponsesAnswerOptions>): GenerationRequest {
  if (request.items.every((item) => item.type === "message" && item.role === "system")) {
    throw invalid("input", "is empty: there is nothing to compact");
  }
  return {
    ...request,
    items: [...request.items, { type: "message", role: "user", parts: [textPart(instruction)] }],
    tools: [],
    toolChoice: "none",
    reasoning: "off",
    format: { type: "text" },
  };
}

/** The item that stands for the summarized conversation; valid input of a later request. */
export function compactionItem(id: string, transcript: Transcript, cipher: TextCipher): JsonObject {
  const summary = transcript.text().trim();
  return { id: `${id}_cmp`, type: "compaction", encrypted_content: encryptText(cipher, "compaction", summary) };
}

/** The answer of `POST /v1/responses/compact` (Open Responses, `CompactResource`). */
export function compactionBody(request: GenerationRequest, transcript: Transcript, cipher: TextCipher): JsonObject {
  return {
    id: request.id,
    object: "response.compaction",
    created_at: request.createdAt,
    output: [compactionItem(request.id, transcript, cipher)],
    usage: usageBody(transcript.usage ?? nothingUsed),
  };
}
