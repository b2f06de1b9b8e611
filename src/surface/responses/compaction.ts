import type { Usage } from "../../model/event.ts";
import type { JsonObject } from "../../model/json.ts";
import type { Transcript } from "../../model/transcript.ts";
import type { Exchange } from "../surface.ts";
import { usageBody } from "./body.ts";
import { inputItems } from "./input-items.ts";
import type { ResponsesOptions } from "./option.ts";
import { sealText } from "./seal.ts";
import type { ResponsesWanted } from "./wanted.ts";

/** A conversation and the answer that summarizes it. */
export interface Compacted {
  exchange: Exchange<ResponsesWanted>;
  /** The caller's body. */
  wire: unknown;
  transcript: Transcript;
}

const nothingUsed: Usage = { input: 0, cached: 0, output: 0, reasoning: 0 };

/**
 * The compaction object of Open Responses (`CompactResource`): the caller's own user messages as they were, then one
 * item with the sealed summary. Valid as input of a later request.
 */
export function compactionBody({ exchange, wire, transcript }: Compacted, options: ResponsesOptions): JsonObject {
  const { id, createdAt } = exchange.request;
  const summary = transcript.text().trim();
  const kept = inputItems(wire, id).filter((item) => item["type"] === "message" && item["role"] === "user");
  const compaction = {
    id: `${id}_cmp`,
    type: "compaction",
    encrypted_content: options.seal === undefined ? summary : sealText(options.seal, "compaction", summary),
  };
  return {
    id,
    object: "response.compaction",
    created_at: createdAt,
    output: [...(kept as JsonObject[]), compaction],
    usage: usageBody(transcript.usage ?? nothingUsed),
  };
}
