import type { EventSink } from "../../model/event-builder.ts";
import type { Cursor } from "./cursor.ts";
import type { Pattern } from "./pattern.ts";

/** Reads the blocks of one call markup; the parser around it finds where they begin. */
export interface CallReader {
  /**
   * Where a block begins. A pattern's name is the first tool's, where the opening shows it. Kind `bare`: a form that may
   * be prose, so it counts only for declared tools, at the start of a line. Kind `block`: what begins so is broken, or
   * names its tool later; it counts anywhere but in code.
   */
  readonly openers: readonly Pattern[];
  /** Leavings of a broken block, dropped from prose: kind `stray` behind a call, kind `token`, never prose, anywhere. */
  readonly strays: readonly Pattern[];
  /** Set when a call's arguments could not be understood to their end: what went wrong, with the name of the tool. */
  readonly fault: string | undefined;
  /** This opening was stepped over. */
  begin(opening: string): void;
  /** Reads on. `undefined`: wants more text. Else the block is over, and the text is prose that was no call. */
  read(cursor: Cursor, out: EventSink): string | undefined;
  /**
   * The text ended inside the block. A call whose closing tag never came stays as it is, so that no one takes it for a
   * whole one, and is a fault unless `truncated`, by the token limit. Returns prose that was no call.
   */
  end(cursor: Cursor, out: EventSink, truncated: boolean): string;
}

/** The fault of a call that has no end. */
export function brokenOff(tool: string): string {
  return `the model's call of '${tool.slice(0, 100)}' broke off before its end`;
}

/** The fault of a call whose arguments are written in a form that is not read. */
export function unknownForm(tool: string): string {
  return `the model wrote arguments for '${tool.slice(0, 100)}' in a form that is not known`;
}

/** The fault of a call that breaks off before it names its tool. */
export const brokenOpening = "the model began a call that broke off before the name of its tool";

/** The fault of arguments that stand where a call should begin. */
export const withoutName = "the model wrote arguments of a call without the name of its tool";

/** The fault of a call whose arguments are not JSON. */
export function notJson(tool: string): string {
  return `the model wrote arguments for '${tool.slice(0, 100)}' that are not valid JSON`;
}
