import type { Stage } from "./piece.ts";

/** The rule `blank-content`: white space alone between reasoning and a call is no text. */
export const blankContent: Stage = (emit, { repairs, answer }) => {
  if (!repairs.on("blank-content")) return emit;
  /** Content since the last call, as long as it is only white space. */
  let whitespace = "";
  let blank = true;
  return (piece) => {
    if (piece.type === "content" && blank) {
      whitespace += piece.text;
      if (!/\S/.test(piece.text)) return;
      emit({ type: "content", text: whitespace });
      whitespace = "";
      blank = false;
      return;
    }
    if (piece.type === "call-boundary") {
      if (whitespace !== "") repairs.fired("blank-content");
      whitespace = "";
      blank = true;
    }
    if (piece.type === "end") {
      emit({ type: "reasoning-end", truncated: piece.truncated });
      // white space that is the whole answer is its text
      if (whitespace !== "" && answer.callCount === 0) emit({ type: "content", text: whitespace });
      whitespace = "";
    }
    emit(piece);
  };
};
