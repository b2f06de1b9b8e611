import { CodeSpan } from "../../markup/code-span.ts";
import type { Stage } from "./piece.ts";

/** Characters that are held back at most; no answer that begins with reasoning comes near. */
const longest = 1 << 20;

/**
 * Part of the rule `inline-thought`: the prompt opened the reasoning tag, and a server without a reasoning parser
 * sends `reasoning</think>answer`. Content is held back until a closing tag that was not opened shows that it began
 * inside reasoning, and the tag of the prompt is put before it; or until anything else shows that it did not: the
 * reasoning field, an opening tag at the start, a call of the server's own parser, the end.
 */
export const openedReasoning: Stage = (emit, { repairs, markup, mayStartInside = false }) => {
  const { tags, startsInside } = markup.think;
  const [tag] = tags;
  if (!mayStartInside || startsInside || tag === undefined || !repairs.on("inline-thought")) return emit;
  const spelled = tags.flatMap((name) => [`<${name}>`, `</${name}>`]);
  const longestMark = Math.max(...spelled.map((one) => one.length));
  const code = new CodeSpan();
  let decided = false;
  /** What is held back and was searched, in pieces: joined once, at the end. */
  let searched: string[] = [];
  let size = 0;
  /** What is held back and not searched: what may become a tag. */
  let rest = "";
  /** Some of what was searched is no white space. */
  let begun = false;
  /** Tags in it that were opened and not closed. */
  let depth = 0;

  const decide = (inside: boolean): void => {
    decided = true;
    const text = (inside ? `<${tag}>\n` : "") + searched.join("") + rest;
    searched = [];
    rest = "";
    if (text !== "") emit({ type: "content", text });
  };

  const pass = (length: number): void => {
    const text = rest.slice(0, length);
    code.observe(text);
    begun ||= /\S/.test(text);
    searched.push(text);
    size += length;
    rest = rest.slice(length);
  };

  const search = (): void => {
    for (;;) {
      const at = rest.indexOf("<");
      pass(at === -1 ? rest.length : at);
      if (rest === "") break;
      const mark = spelled.find((one) => rest.startsWith(one));
      if (mark === undefined) {
        if (rest.length < longestMark && spelled.some((one) => one.startsWith(rest))) break;
        pass(1);
        continue;
      }
      if (!code.holds("<")) {
        const closes = mark.startsWith("</");
        // The first word of all: an opened tag, or a closing one behind nothing.
        if (!begun) return decide(false);
        if (closes && depth === 0) return decide(true);
        depth += closes ? -1 : 1;
      }
      pass(mark.length);
    }
    if (size > longest) decide(false);
  };

  return (piece) => {
    if (decided) return emit(piece);
    if (piece.type === "content") {
      rest += piece.text;
      return search();
    }
    // white space in the field is no reasoning yet
    if (piece.type === "reasoning-field" && !/\S/.test(piece.text)) return emit(piece);
    decide(false);
    emit(piece);
  };
};
