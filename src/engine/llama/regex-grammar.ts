import { everything, matchesNothing, type RegexNode, type Span, spanOf, without } from "../../lib/regex/node.ts";
import { parseRegex } from "../../lib/regex/parse.ts";
import { anyOf, repeat } from "./grammar.ts";

/** Characters that JSON text cannot hold as they are. */
export const unwritableInJson: readonly Span[] = [spanOf('"'), spanOf("\\"), [0, 0x1f], [0x7f, 0x7f], [0xd800, 0xdfff]];
/** Characters that may begin a tag, and what no token holds. */
export const unwritableInMarkup: readonly Span[] = [spanOf("<"), spanOf("]"), [0, 0], [0xd800, 0xdfff]];

const maxRepeats = 100;

/**
 * A regular expression of JSON Schema's `pattern` as a body: characters, classes, groups, alternatives, repetitions
 * and anchors at the ends. Undefined for anything else (properties, anchors and word boundaries within, what the parser
 * does not read). Characters that cannot be written where the body stands are left out of classes.
 */
export function regexBody(pattern: string, unwritable: readonly Span[]): string | undefined {
  const node = parseRegex(pattern);
  if (node === undefined) return undefined;
  const parts = node.kind === "sequence" ? [...node.parts] : [node];
  const anchored = isAnchor(parts[0], "^");
  if (anchored) parts.shift();
  const ended = isAnchor(parts.at(-1), "$");
  if (ended) parts.pop();
  const body = written({ kind: "sequence", parts }, unwritable);
  const any = classBody([everything], unwritable);
  // an expression matches anywhere in a text; anchors tie it to the ends
  return body && `${anchored ? "" : `${any}* `}${body}${ended ? "" : ` ${any}*`}`;
}

function isAnchor(node: RegexNode | undefined, sign: "^" | "$"): boolean {
  return node?.kind === "assertion" && node.sign === sign;
}

function written(node: RegexNode, unwritable: readonly Span[]): string | undefined {
  switch (node.kind) {
    case "class":
      return node.spans && classBody(node.spans, unwritable);
    case "assertion":
      return undefined;
    case "sequence":
      return node.parts.length === 0 ? '""' : all(node.parts, unwritable)?.join(" ");
    case "choice": {
      const ways = all(node.ways, unwritable);
      return ways && anyOf(ways);
    }
    case "repeat": {
      // the ways to repeat nothing have no end: llama.cpp would count them all
      const body = matchesNothing(node.of) ? undefined : written(node.of, unwritable);
      const most = node.most === undefined ? undefined : Math.min(node.most, maxRepeats);
      return body && repeat(node.of.kind === "class" ? body : `(${body})`, Math.min(node.least, maxRepeats), most);
    }
  }
}

function all(nodes: readonly RegexNode[], unwritable: readonly Span[]): readonly string[] | undefined {
  const bodies = nodes.map((node) => written(node, unwritable)).filter((body) => body !== undefined);
  return bodies.length === nodes.length ? bodies : undefined;
}

function classBody(spans: readonly Span[], unwritable: readonly Span[]): string | undefined {
  const writable = without(spans, unwritable);
  if (writable.length === 0) return undefined;
  return `[${writable.map(([low, high]) => `${codePoint(low)}-${codePoint(high)}`).join("")}]`;
}

function codePoint(point: number): string {
  return `\\U${point.toString(16).padStart(8, "0").toUpperCase()}`;
}
