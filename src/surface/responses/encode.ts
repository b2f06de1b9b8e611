import type { Batch } from "../../model/event.ts";
import type { ResponseEvent } from "../../model/response.ts";
import type { Transcript } from "../../model/transcript.ts";
import { doneEvent, lineJson } from "../shared/answer.ts";
import type { SseEncoder } from "../surface.ts";

/** One event as a JSON text that is one line for every reader. */
export function eventJson(event: ResponseEvent): string {
  return lineJson(event);
}

/** One event of a server-sent event stream. */
export function eventText(event: ResponseEvent): string {
  return `event: ${event.type}\ndata: ${eventJson(event)}\n\n`;
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
