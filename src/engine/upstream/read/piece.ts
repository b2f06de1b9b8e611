import { ParleyError } from "../../../model/error.ts";
import type { EventSink } from "../../../model/event-builder.ts";
import type { ToolDefinition } from "../../../model/request.ts";
import type { MarkupParser } from "../../markup/markup.ts";
import type { MarkSource } from "../../markup/marks.ts";
import type { ModelMarkup } from "./markup.ts";
import type { Repairs } from "./repair.ts";

/** What one stage of the decoder hands to the next. */
export type Piece =
  /** Of the upstream's content field, not yet read for the model's markup. */
  | { type: "content"; text: string }
  /** Of the upstream's reasoning field, not yet read for the model's markup. */
  | { type: "reasoning-field"; text: string }
  /** `delta.tool_calls` as it came. */
  | { type: "tool-calls"; entries: readonly unknown[] }
  /** A tool call follows: what was held back of content and reasoning is due. */
  | { type: "call-boundary" }
  /** What was held back of the reasoning field is due. `truncated`: by the token limit. */
  | { type: "reasoning-end"; truncated: boolean }
  /** The answer is over: what was held back is due. */
  | { type: "end"; truncated: boolean }
  | { type: "text" | "reasoning"; text: string }
  | { type: "call-start"; id: string; name: string }
  /** JSON text of arguments. */
  | { type: "call-delta"; args: string }
  /** Ends the text, reasoning or call that is open, if any. */
  | { type: "item-end" };

export type Emit = (piece: Piece) => void;

export interface StageContext {
  repairs: Repairs;
  markup: ModelMarkup;
  /** The prompt opened the reasoning tag, and the server may have no parser that takes reasoning out of content. */
  mayStartInside?: boolean | undefined;
  /** What parsers look for, of the engine. */
  marks?: MarkSource | undefined;
  tools: readonly ToolDefinition[];
  /** Makes the id of the next call. */
  callId: () => string;
  /** Most calls of the answer. */
  maxCalls: number;
  /** The events that came out of the last stage so far. */
  answer: Pick<EventSink, "callCount">;
}

/** One step of the decoder: takes pieces and emits what becomes of them. It passes on what is not its own. */
export type Stage = (emit: Emit, context: StageContext) => Emit;

/** Stages in their order, and what takes the pieces of the last one. */
export function pipe(stages: readonly Stage[], last: Emit, context: StageContext): Emit {
  return stages.reduceRight((next, stage) => stage(next, context), last);
}

/** The output of a markup parser as pieces. */
export function pieceSink(emit: Emit, answer: StageContext["answer"]): EventSink {
  return {
    get callCount() {
      return answer.callCount;
    },
    text: (text) => emit({ type: "text", text }),
    reasoning: (text) => emit({ type: "reasoning", text }),
    callStart: (id, name) => emit({ type: "call-start", id, name }),
    callDelta: (args) => emit({ type: "call-delta", args }),
    close: () => emit({ type: "item-end" }),
  };
}

/**
 * Throws `upstream` where a call that the parser has read must not be handed on as a whole one. Where no call is allowed
 * none is handed on, so that a broken one does no harm.
 */
export function refuseFault(parser: MarkupParser | undefined, { maxCalls }: Pick<StageContext, "maxCalls">): void {
  if (parser?.fault !== undefined && maxCalls > 0) throw new ParleyError("upstream", parser.fault);
}

/** The last step: pieces as events. */
export function writeTo(out: EventSink): Emit {
  return (piece) => {
    if (piece.type === "text") out.text(piece.text);
    else if (piece.type === "reasoning") out.reasoning(piece.text);
    else if (piece.type === "call-start") out.callStart(piece.id, piece.name);
    else if (piece.type === "call-delta") out.callDelta(piece.args);
    else if (piece.type === "item-end") out.close();
  };
}
