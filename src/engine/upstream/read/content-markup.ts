import type { MarkupParser } from "../../markup/markup.ts";
import { markupParser } from "../../markup/parser.ts";
import { pieceSink, refuseFault, type Piece, type Stage } from "./piece.ts";

/**
 * The rules `inline-thought` and `inline-calls`: reads the content field through the markup of the model, so that
 * reasoning and calls that were left in it are no text.
 */
export const contentMarkup: Stage = (emit, context) => {
  const { repairs, markup, marks, tools, callId, answer } = context;
  let parser: MarkupParser | undefined;
  /** Nothing came yet: only then may content begin inside reasoning. */
  let untouched = true;
  /** The parser has begun a call and not ended it. */
  let insideCall = false;
  let foundReasoning = false;
  let everFoundReasoning = false;
  let fieldUsed = false;
  /** Reasoning that came inside a call; emitted behind it. */
  let waiting: Piece[] = [];

  const sink = pieceSink((piece: Piece) => {
    insideCall = piece.type === "call-start" || (insideCall && piece.type === "call-delta");
    if (piece.type === "reasoning") everFoundReasoning = foundReasoning = true;
    emit(piece);
    if (insideCall || waiting.length === 0) return;
    for (const one of waiting) emit(one);
    waiting = [];
  }, answer);

  const open = (): MarkupParser => {
    const reasoningToo = repairs.on("inline-thought");
    const think = {
      tags: reasoningToo ? markup.think.tags : [],
      startsInside: reasoningToo && markup.think.startsInside && untouched,
    };
    const calls = repairs.on("inline-calls") ? markup.calls : "none";
    // content that mirrors the field has its tags, too
    const reasoningElsewhere = (): boolean => fieldUsed && !everFoundReasoning;
    return markupParser({ think, calls, tools, reasoningElsewhere, callId, marks });
  };

  const read = (text: string): void => {
    parser ??= open();
    untouched = false;
    foundReasoning = false;
    const { callCount } = answer;
    parser.feed(text, sink);
    refuseFault(parser, context);
    if (answer.callCount > callCount) repairs.fired("inline-calls");
    if (foundReasoning) repairs.fired("inline-thought");
  };

  const end = (truncated: boolean): void => {
    const ended = parser;
    parser = undefined;
    ended?.end(sink, truncated);
    refuseFault(ended, context);
  };

  return (piece) => {
    if (piece.type === "content") return read(piece.text);
    if (piece.type === "reasoning-field") {
      untouched = false;
      fieldUsed = true;
      // reasoning cannot stand inside a call
      if (insideCall) return void waiting.push(piece);
    } else if (piece.type === "call-boundary") {
      emit({ type: "reasoning-end", truncated: false });
      return end(false);
    } else if (piece.type === "end") {
      end(piece.truncated);
      emit({ type: "reasoning-end", truncated: piece.truncated });
    }
    emit(piece);
  };
};
