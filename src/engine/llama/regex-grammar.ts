import type { RegexNode, Span } from "../../lib/regex/node.ts";
import { spanOf } from "../../lib/regex/node.ts";
import { anyOf, repeat } from "./grammar.ts";

/** Characters that may begin a tag, and what no token holds. */
export const unwritableInMarkup: readonly Span[] = [spanOf("<"), spanOf("]"), [0, 0], [0xd800, 0xdfff]];

/** The body of an expression's whole matches; one without assertions, as `sizedText` makes them. */
export function written(node: RegexNode): string {
  switch (node.kind) {
    case "class":
      return classBody(node.spans ?? []);
    case "assertion":
      return '""';
    case "sequence":
      return node.parts.length === 0 ? '""' : node.parts.map(written).join(" ");
    case "choice":
      return anyOf(node.ways.map(written));
    case "repeat": {
      const body = written(node.of);
      return repeat(node.of.kind === "class" ? body : `(${body})`, node.least, node.most);
    }
  }
}

function classBody(spans: readonly Span[]): string {
  return `[${spans.map(([low, high]) => `${codePoint(low)}-${codePoint(high)}`).join("")}]`;
}

function codePoint(point: number): string {
  return `\\U${point.toString(16).padStart(8, "0").toUpperCase()}`;
}
