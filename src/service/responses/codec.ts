import type { Steps } from "../../lib/time-slices.ts";
import type { Batch } from "../../model/event.ts";
import type { Item } from "../../model/item.ts";
import type { JsonObject } from "../../model/json.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { Transcript } from "../../model/transcript.ts";

/**
 * The port to the wire of `/v1/responses`. The surface implements it and the composition root hands it in, so that the
 * use case of this folder depends on no protocol.
 */

/** One event of a response's stream. */
export interface ResponseEvent {
  readonly type: string;
  /** From 0, without gaps. */
  readonly sequence_number: number;
  readonly [field: string]: unknown;
}

/** A stored item that the caller names by its id instead of sending it. */
export interface ItemReference {
  type: "reference";
  id: string;
  /** Where it stood in the caller's body. */
  param: string;
}

/** A parsed request, as far as the use case reads it. */
export interface ParsedResponse {
  readonly request: GenerationRequest;
  readonly answerOptions: {
    /** `warm-up`: nothing is generated. `compaction`: the model summarizes the conversation. */
    readonly kind: "generation" | "warm-up" | "compaction";
    /** Whether the response is stored. */
    readonly store: boolean;
    /** Whether the caller left `store` out: items of the answer can then be referred to for a while. */
    readonly storeOmitted: boolean;
    readonly background: boolean;
    readonly previousResponseId: string | undefined;
    /** The request's own input, without instructions. */
    readonly input: readonly (Item | ItemReference)[];
  };
}

/** The parts of a conversation that are not in the request. */
export interface RecalledParts {
  /** The items of the previous response and all before it, oldest first, without instructions. */
  history: readonly Item[];
  /** The items that an id stands for; `undefined` for an unknown id. */
  resolve(id: string): readonly Item[] | undefined;
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
  /** What an engine is asked for a compaction. Throws `invalid` where there is nothing to compact. */
  compactionRequest(parsed: Parsed): GenerationRequest;
  /** The caller's input as it is listed later. */
  inputItems(body: unknown, responseId: string): JsonObject[];
  /** The body of a response whose process ended before the answer was complete, from its last stored body. */
  interrupted(body: JsonObject): JsonObject;
}
