import type { EventSink } from "../../model/event-builder.ts";
import type { ToolDefinition } from "../../model/request.ts";

/** A family's way to write tool calls in plain text (spec sheet 8.1, 8.2). `none`: such text is only text. */
export type CallMarkup = "m2" | "m3" | "json" | "none";

export interface ThinkMarkup {
  /** Tag names that open and close thought, without brackets: `think`, `mm:think`. Empty: no thought in text. */
  tags: readonly string[];
  /** The prompt already opened the thinking tag. Configuration, never guessed. */
  startsInside: boolean;
}

export interface MarkupOptions {
  think: ThinkMarkup;
  calls: CallMarkup;
  /** Their schemas give argument types; calls of undeclared tools pass through. */
  tools: readonly ToolDefinition[];
  /**
   * M2 values are escaped as XML: decode the five entities in them. Off unless said, as at the vendor: the model writes
   * values raw, and a file that holds `&lt;` must arrive as it was written (spec sheet 8.1). Names are always decoded.
   */
  entities?: boolean;
  /** Makes the id of the next call. */
  callId: () => string;
}

/**
 * A push parser: text of a model in pieces of any size, events out. Buffers only what may still become a tag; any
 * chunking of the same text gives the same events after joining deltas.
 */
export interface MarkupParser {
  feed(text: string, out: EventSink): void;
  /** The text is over; writes out what was held back and closes what is open. `cut`: ended by the token limit. */
  end(out: EventSink, cut: boolean): void;
  /**
   * Says which call's arguments were not JSON, where that happened: the call was closed with what was understood, and
   * the caller may end the answer with an error instead of handing it on.
   */
  readonly fault: string | undefined;
}
