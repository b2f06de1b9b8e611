import type { TextCipher } from "../../../src/lib/cipher.ts";
import type { Batch, FinishReason } from "../../../src/model/event.ts";
import { documentedCards } from "../../../src/model/card.ts";
import { EventBuilder } from "../../../src/model/event-builder.ts";
import { invalid } from "../../../src/model/error.ts";
import type { IdSource } from "../../../src/model/id.ts";
import { Transcript } from "../../../src/model/transcript.ts";
import type { ParsedRequest, ParseContext } from "../../../src/surface/surface.ts";
import type { ResponsesOptions, ResponsesAnswerOptions } from "../../../src/surface/responses/index.ts";
import { responsesSurface } from "../../../src/surface/responses/index.ts";

export const fixedIds: IdSource = {
  hex: (length) => "0".repeat(length),
  word: (length) => "a".repeat(length),
  now: () => 1_764_000_001_500,
};

/** Readable, and the same every time; decrypting anything else throws. */
export const plainCipher: TextCipher = {
  encrypt: (text: string): string => `encrypted<${text}>`,
  decrypt: (encrypted: string): string => {
    const match = /^encrypted<(.*)>$/s.exec(encrypted);
    if (match === null) throw new Error("not encrypted here");
    return match[1] ?? "";
  },
  ofOwner: () => plainCipher,
};

export const options: ResponsesOptions = {
  ids: fixedIds,
  defaultReasoning: "off",
  storeDefault: false,
  cipher: plainCipher,
};

export function surfaceWith(changed: Partial<ResponsesOptions> = {}) {
  return responsesSurface({ ...options, ...changed });
}

export function contextWith(changed: Partial<ParseContext> = {}): ParseContext {
  return {
    id: "abc123",
    createdAt: 1_764_000_000,
    strict: false,
    card: (name) => {
      const card = documentedCards.find(({ id }) => id === name);
      if (card === undefined) throw invalid("model", `unknown model '${name}'`);
      return card;
    },
    header: () => undefined,
    ...changed,
  };
}

export function parse(body: unknown, changed: Partial<ParseContext> = {}): ParsedRequest<ResponsesAnswerOptions> {
  return surfaceWith().parse(body, contextWith(changed));
}

/** A body of the model M3 with the given fields. */
export function parseM3(fields: Record<string, unknown>, changed: Partial<ParseContext> = {}) {
  return parse({ model: "MiniMax-M3", input: "Hello!", ...fields }, changed);
}

/** The events of an answer; the function says what is in it. */
export function answer(write: (emitter: EventBuilder) => void, reason: FinishReason = "stop"): Batch {
  const emitter = new EventBuilder();
  write(emitter);
  emitter.finish(reason);
  return emitter.take();
}

export function folded(batch: Batch): Transcript {
  const transcript = new Transcript();
  transcript.apply(batch);
  return transcript;
}

/** Everything an encoder writes for an answer cut into the given batches. */
export function streamed(
  parsed: ParsedRequest<ResponsesAnswerOptions>,
  batches: readonly Batch[],
  surface = surfaceWith(),
): string {
  const encoder = surface.sse(parsed);
  const transcript = new Transcript();
  let text = "";
  for (const batch of batches) {
    transcript.apply(batch);
    text += encoder.encode(batch, transcript);
  }
  return text + encoder.flush(transcript);
}

export interface WireEvent {
  type: string;
  sequence_number: number;
  [key: string]: unknown;
}

/** The events of a stream, the end mark left out; fails where `event:` and `type` differ. */
export function eventsOf(text: string): WireEvent[] {
  const events: WireEvent[] = [];
  for (const block of text.split("\n\n")) {
    if (block === "" || block === "data: [DONE]") continue;
    const match = /^event: (.*)\ndata: (.*)$/.exec(block);
    if (match === null) throw new Error(`not an event: ${block}`);
    const event = JSON.parse(match[2] ?? "") as WireEvent;
    if (event.type !== match[1]) throw new Error(`event: ${match[1]} carries ${event.type}`);
    events.push(event);
  }
  return events;
}
