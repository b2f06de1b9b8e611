import { invalid } from "../../model/error.ts";
import type { Batch, Usage } from "../../model/event.ts";
import type { Item } from "../../model/item.ts";
import { textPart } from "../../model/item.ts";
import type { JsonObject } from "../../model/json.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { ResponseEvent } from "../../model/response.ts";
import type { Transcript } from "../../model/transcript.ts";
import type { ParsedRequest } from "../surface.ts";
import type { BodySource, ResponseOutput, ResponseStatus } from "./body.ts";
import { responseBody, usageBody } from "./body.ts";
import type { TextCipher } from "../../lib/cipher.ts";
import { encryptText } from "../shared/encrypted-text.ts";
import type { ResponsesAnswerOptions } from "./answer-options.ts";
import { EventFrame } from "./event-frame.ts";
import { summaryMessage } from "./item.ts";

/** What the model is asked at the end of the conversation. */
const instruction =
  "Summarize the conversation above so that it can be continued from your summary alone. Keep names, facts, numbers, " +
  "decisions, file names, results of tools and open tasks. Write only the summary.";

const nothingUsed: Usage = { input: 0, cached: 0, output: 0, reasoning: 0 };

/** The request that lets the model itself summarize a conversation. Throws `invalid` where there is none. */
export function compactionRequest({ request }: ParsedRequest<ResponsesAnswerOptions>): GenerationRequest {
  if (request.items.every((item) => item.type === "message" && (item.role === "system" || item.role === "developer"))) {
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

/** How a compaction looks on the wire: one item that holds the summary, encrypted. One answer needs one. */
export class CompactionOutput implements ResponseOutput {
  // fixed at birth
  private readonly id: string;
  private readonly cipher: TextCipher;
  // changed by events
  /** Encrypted once, so that every event and body shows the same text. */
  private item: JsonObject | undefined;

  constructor(responseId: string, cipher: TextCipher) {
    this.id = compactionId(responseId);
    this.cipher = cipher;
  }

  /** Nothing before the summary is over, and nothing where it failed, was moderated or is empty. */
  items(transcript: Transcript): JsonObject[] {
    const summary = transcript.text().trim();
    const reason = transcript.finish?.reason;
    if (reason === undefined || reason === "error" || reason === "filter" || summary === "") return [];
    this.item ??= {
      id: this.id,
      type: "compaction",
      encrypted_content: encryptText(this.cipher, "compaction", summary),
    };
    return [this.item];
  }

  text(): string {
    return "";
  }
}

function compactionId(responseId: string): string {
  return `${responseId}_cmp`;
}

/** The events and bodies of a compaction; the summary is shown when it is complete. */
export class CompactionEncoder {
  // fixed at birth
  private readonly source: BodySource;
  private readonly frame: EventFrame;

  constructor(source: BodySource) {
    this.source = source;
    this.frame = new EventFrame(source);
  }

  queued(): ResponseEvent[] {
    this.frame.queued();
    return this.frame.sequence.take();
  }

  accept(batch: Batch, transcript: Transcript): ResponseEvent[] {
    for (const event of batch) {
      if (event.type === "begin") this.frame.begin();
      if (event.type === "finish") this.finish(transcript);
    }
    return this.frame.sequence.take();
  }

  body(transcript: Transcript, status?: ResponseStatus): JsonObject {
    return responseBody(this.source, transcript, status);
  }

  /** History continues from the summary alone. */
  items(transcript: Transcript): { id: string; item: Item }[] {
    const item = summaryMessage(transcript.text().trim());
    return this.source.output.items(transcript).map(() => ({ id: compactionId(this.source.parsed.request.id), item }));
  }

  private finish(transcript: Transcript): void {
    for (const item of this.source.output.items(transcript)) {
      this.frame.sequence.add("response.output_item.added", { output_index: 0, item });
      this.frame.sequence.add("response.output_item.done", { output_index: 0, item });
    }
    this.frame.end(transcript);
  }
}

/** The answer of `POST /v1/responses/compact` (Open Responses, `CompactResource`), from the response object. */
export function compactionBody({ id, created_at, output, usage }: JsonObject): JsonObject {
  return { id, object: "response.compaction", created_at, output, usage: usage ?? usageBody(nothingUsed) };
}
