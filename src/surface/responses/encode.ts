import type { Batch } from "../../model/event.ts";
import type { ResponseEvent } from "../../model/response.ts";
import type { Transcript } from "../../model/transcript.ts";
import { jsonSteps } from "../../lib/json-scanner/write.ts";
import type { Steps } from "../../lib/time-slices.ts";
import { isObject } from "../../model/json.ts";
import { doneEvent, lineJson, oneLine } from "../shared/answer.ts";
import type { SseEncoder } from "../surface.ts";

/** One event as a JSON text that is one line for every reader. */
export function eventJson(event: ResponseEvent): string {
  return lineJson(event);
}

/** The same in steps, for events that are `isLong`. */
export function* eventJsonSteps(event: ResponseEvent): Steps<string> {
  let whole = "";
  yield* jsonSteps(event, { piece: (text) => (whole += oneLine(text)) });
  return whole;
}

/** Characters of instructions or output, and tools, from which on an event is written in steps. */
const longText = 65_536;
const manyTools = 200;

/** Whether an event repeats so much of its response that writing it takes long. */
export function isLong({ response }: ResponseEvent): boolean {
  if (!isObject(response)) return false;
  const { instructions, output_text: text, tools } = response;
  const size = (value: unknown): number => (typeof value === "string" ? value.length : 0);
  return size(instructions) + size(text) > longText || (Array.isArray(tools) && tools.length > manyTools);
}

/** One event of a server-sent event stream. */
export function eventText(event: ResponseEvent): string {
  return eventFrame(event, eventJson(event));
}

/** An event around its JSON. */
export function eventFrame({ type }: ResponseEvent, json: string): string {
  return `event: ${type}\ndata: ${json}\n\n`;
}

/** What a stream of server-sent events ends with, if it ends with a mark. */
export function endText(sseDone: boolean | undefined): string {
  return sseDone === false ? "" : doneEvent;
}

interface EventSource {
  accept(batch: Batch, transcript: Transcript): ResponseEvent[];
}

/** Writes every batch at once: a batch has one delta for each item, so nothing is gained by waiting. */
export class ResponsesSseEncoder implements SseEncoder {
  // fixed at birth
  readonly pending = false;
  readonly maxWaitMs = 0;
  private readonly events: EventSource;
  private readonly end: string;

  constructor(events: EventSource, end: string) {
    this.events = events;
    this.end = end;
  }

  encode(batch: Batch, transcript: Transcript): string {
    const text = this.events.accept(batch, transcript).map(eventText).join("");
    return batch.at(-1)?.type === "finish" ? text + this.end : text;
  }

  flush(): string {
    return "";
  }
}
