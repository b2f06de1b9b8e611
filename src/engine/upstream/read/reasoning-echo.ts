import type { Stage } from "./piece.ts";

/**
 * The rule `thought-twice` between fields: reasoning that is found in content is dropped as long as it repeats the
 * reasoning field word by word. White space at the seams of pieces does not count.
 */
export const reasoningEcho: Stage = (emit, { repairs }) => {
  if (!repairs.on("thought-twice")) return emit;
  /** All that came in the reasoning field, and how many characters of it content has repeated. */
  let field = "";
  let repeated = 0;
  let echoing = true;
  return (piece) => {
    if (piece.type === "reasoning-field") field += piece.text;
    if (piece.type !== "reasoning" || field === "" || !echoing) return emit(piece);
    const text = piece.text.trim();
    const from = repeated + (/^\s*/.exec(field.slice(repeated))?.[0].length ?? 0);
    echoing = field.startsWith(text, from);
    if (!echoing) return emit(piece);
    repeated = from + text.length;
    repairs.fired("thought-twice");
  };
};
