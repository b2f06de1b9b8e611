import { ParleyError } from "../../model/error.ts";
import type { FinishReason } from "../../model/event.ts";
import type { Transcript } from "../../model/transcript.ts";

/** An end that a client sees as an answer, not as an error; every surface has its own word for each. */
export type StopReason = Exclude<FinishReason, "error">;

/** Why the answer ended, or the error in its place. */
export function stopReasonOf({ finish }: Transcript): StopReason | ParleyError {
  if (finish === undefined) return new ParleyError("internal", "the answer never finished");
  if (finish.reason !== "error") return finish.reason;
  return finish.error ?? new ParleyError("upstream", "the engine failed");
}

/** Why an answer that is no stream ended. Throws the error in its place, and where moderation left nothing to show. */
export function shownReason(transcript: Transcript): StopReason {
  const reason = stopReasonOf(transcript);
  if (typeof reason !== "string") throw reason;
  if (transcript.outputFlag > 0 && reason === "filter" && transcript.items.length === 0) {
    // the vendor then answers with an error
    throw new ParleyError("output-sensitive", "moderation refused the output");
  }
  return reason;
}

/** What ends a stream of server-sent events in OpenAI's dialects. */
export const doneEvent = "data: [DONE]\n\n";

const lineBreaks = /[\u0085\u2028\u2029]/g;

/**
 * JSON on one line for every reader: some take these three characters for line ends, against the rules of event streams.
 * JSON may carry them as escapes.
 */
export function lineJson(value: unknown): string {
  return oneLine(JSON.stringify(value));
}

/** JSON text, or a piece of one, as `lineJson` writes it. */
export function oneLine(json: string): string {
  return json.replace(lineBreaks, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
