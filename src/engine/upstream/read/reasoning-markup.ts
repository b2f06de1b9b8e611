import type { MarkupParser } from "../../markup/markup.ts";
import { markupParser } from "../../markup/parser.ts";
import { pieceSink, refuseFault, type Stage } from "./piece.ts";

/**
 * The rule `thought-markup`: reads the reasoning field through the markup of the model. Tool calls in it are calls,
 * closing tags are dropped, and so is a newline at its end, which belongs to the closing tag.
 */
export const reasoningMarkup: Stage = (emit, context) => {
  const { repairs, markup, marks, tools, callId, answer } = context;
  const hasMarkup = markup.think.tags.length > 0 || markup.calls !== "none";
  const sink = pieceSink(emit, answer);
  let parser: MarkupParser | undefined;
  /** The newline that the field ends with so far. */
  let newline = "";

  const read = (piece: string): void => {
    if (!repairs.on("thought-markup")) return emit({ type: "reasoning", text: piece });
    const text = newline + piece;
    newline = text.endsWith("\n") ? "\n" : "";
    const certain = text.slice(0, text.length - newline.length);
    if (!hasMarkup) return emit({ type: "reasoning", text: certain });
    parser ??= markupParser({ ...markup, think: { ...markup.think, startsInside: true }, tools, callId, marks });
    const { callCount } = answer;
    parser.feed(certain, sink);
    refuseFault(parser, context);
    if (answer.callCount > callCount) repairs.fired("thought-markup");
  };

  const end = (truncated: boolean): void => {
    newline = "";
    const ended = parser;
    parser = undefined;
    ended?.end(sink, truncated);
    refuseFault(ended, context);
  };

  return (piece) => {
    if (piece.type === "reasoning-field") read(piece.text);
    else if (piece.type === "reasoning-end") end(piece.truncated);
    else emit(piece);
  };
};
