import type { EventSink } from "../../model/event-builder.ts";
import type { Cursor } from "./cursor.ts";
import type { Pattern } from "./pattern.ts";

/** Reads the blocks of one call markup; the parser around it finds where they begin. */
export interface CallReader {
  /** Kind `call`: where a block begins. A pattern's name is the first tool's, where the opening shows it. */
  readonly openers: readonly Pattern[];
  /** Kind `stray`: leavings of a broken block, dropped from prose. */
  readonly strays: readonly Pattern[];
  /** Strays are dropped even when no call came before. */
  readonly straysAlways: boolean;
  /** Set when a call's arguments could not be understood to their end. */
  readonly fault?: string | undefined;
  /** This opening was stepped over. */
  begin(opening: string): void;
  /** Reads on. `undefined`: wants more text. Else the block is over, and the text is prose that was no call. */
  read(cursor: Cursor, out: EventSink): string | undefined;
  /** The text ended inside the block: closes what is open. Returns prose that was no call. */
  end(cursor: Cursor, out: EventSink): string;
}
