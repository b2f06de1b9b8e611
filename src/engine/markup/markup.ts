import type { EventSink } from "../../model/event-builder.ts";
import type { ToolDefinition } from "../../model/request.ts";
import type { MarkSource } from "./marks.ts";

/** A family's way to write tool calls in plain text (MiniMax-M2 docs/tool_calling_guide.md, 2026-03; chat_template.jinja of MiniMax-M3, 2026-06). `none`: such text is only text. */
export type CallMarkup = "m2" | "m3" | "json" | "none";

export interface ThinkMarkup {
  /** Tag names that open and close reasoning, without brackets: `think`, `mm:think`. Empty: no reasoning in text. */
  tags: readonly string[];
  /** The prompt already opened the reasoning tag. Configuration, never guessed. */
  startsInside: boolean;
}

export interface MarkupOptions {
  think: ThinkMarkup;
  calls: CallMarkup;
  /** Their schemas give argument types; calls of undeclared tools pass through. */
  tools: readonly ToolDefinition[];
  /** Whether reasoning comes in a field of its own: an opening tag then counts only as the very first thing. */
  reasoningElsewhere?: (() => boolean) | undefined;
  /** Makes the id of the next call. */
  callId: () => string;
  /** Of the engine, which has many answers; default: made for this one. */
  marks?: MarkSource | undefined;
}

/**
 * A push parser: text of a model in pieces of any size, events out. Buffers only what may still become a tag; any
 * chunking of the same text gives the same events after joining deltas.
 */
export interface MarkupParser {
  feed(text: string, out: EventSink): void;
  /** The text is over; writes out what was held back and closes what is open. `truncated`: ended by the token limit. */
  end(out: EventSink, truncated: boolean): void;
  /**
   * What is wrong with a call, where one is broken: it has no end although the token limit did not truncate it, or its
   * arguments are not JSON. Names the tool. The caller must end the answer with an error: such a call must not run.
   */
  readonly fault: string | undefined;
}
