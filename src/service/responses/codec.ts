import type { Steps } from "../../lib/time-slices.ts";
import type { Batch } from "../../model/event.ts";
import type { Item } from "../../model/item.ts";
import type { JsonObject } from "../../model/json.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { RecalledParts, References, ResponseEvent } from "../../model/response.ts";
import type { Transcript } from "../../model/transcript.ts";

/**
 * The port to the wire of `/v1/responses`. The surface implements it and the composition root hands it in, so that the
 * use case of this folder depends on no protocol.
 */

/** A parsed request, as far as the use case reads it. */
export interface ParsedResponse {
  readonly request: GenerationRequest;
  readonly answerOptions: References & {
    /** `warm-up`: nothing is generated. `compaction`: the model summarizes the conversation. */
    readonly kind: "generation" | "warm-up" | "compaction";
    /** Whether the response is stored. */
    readonly store: boolean;
    /** Whether the caller left `store` out: items of the answer can then be referred to for a while. */
    readonly storeOmitted: boolean;
    readonly background: boolean;
    /** Whether the caller follows the events. */
    readonly stream: boolean;
  };
}

/** An output item by the id it has on the wire. */
export interface OutputItem {
  id: string;
  item: Item;
}

/** Turns one answer into events and bodies; each answer needs its own. */
export interface ResponseEncoder {
  /** The events of a background response before an engine began. */
  queued(): ResponseEvent[];
  /** The events of a batch that the transcript already holds. */
  accept(batch: Batch, transcript: Transcript): ResponseEvent[];
  /** The response object; `status` where the transcript does not decide it. */
  body(transcript: Transcript, status?: "queued" | "in_progress"): JsonObject;
  /** What history keeps of the answer: one entry for each output item. */
  items(transcript: Transcript): OutputItem[];
}

export interface ResponseCodec<Parsed extends ParsedResponse> {
  encoder(parsed: Parsed): ResponseEncoder;
  /** The request with its whole conversation and all references replaced. Throws `invalid` for an unknown reference. */
  recalled(parsed: Parsed, parts: RecalledParts): Steps<Parsed>;
  /** What an engine is asked: for a compaction, for a summary. Throws `invalid` where there is nothing to compact. */
  engineRequest(parsed: Parsed): GenerationRequest;
  /** The caller's input as it is listed later. */
  inputItems(body: unknown, responseId: string): JsonObject[];
  /** The body of a response whose process ended before the answer was complete, from its last stored body. */
  interrupted(body: JsonObject): JsonObject;
}
