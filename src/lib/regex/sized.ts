import { everything, matchesNothing, type RegexNode, type Span, without } from "./node.ts";
import { parseRegex } from "./parse.ts";
import { pathsOf } from "./paths.ts";

/** Characters that JSON text cannot hold as they are. */
export const unwritableInJson: readonly Span[] = [
  [0x22, 0x22],
  [0x5c, 0x5c],
  [0, 0x1f],
  [0x7f, 0x7f],
  [0xd800, 0xdfff],
];

export interface TextBounds {
  /** Code points. */
  least?: number | undefined;
  most?: number | undefined;
  /** Characters that the texts may not hold. */
  unwritable?: readonly Span[] | undefined;
}

/** A counted repetition asks for this many at most. */
const maxRepeats = 100;
/** More steps between characters make llama.cpp need seconds for a token: with 5,000 it takes a quarter of one. */
const maxPaths = 3_000;
/** A length in code points; llama.cpp refuses repetitions beyond 2,000 in all. */
export const maxCount = 1000;

/**
 * An expression without assertions whose whole matches are texts that match `pattern` and have a length within the
 * bounds: not all of them where a length has to be shared among several parts. Undefined where there is no such text or
 * the pattern asks for more than can be written so: look-around, word boundaries, anchors inside, Unicode properties, too
 * many ways to read a text.
 */
export function sizedText(pattern: string, bounds: TextBounds): RegexNode | undefined {
  const { least = 0, most = Infinity, unwritable = unwritableInJson } = bounds;
  const node = parseRegex(pattern);
  if (node === undefined) return undefined;
  const whole = (node.kind === "choice" ? node.ways : [node]).map((way) => anchored(way, unwritable));
  if (whole.includes(undefined)) return undefined;
  const ways = whole.map((way) => way && narrowed(way, least, most)).filter((way) => way !== undefined);
  const [only] = ways;
  const sized: RegexNode | undefined = ways.length < 2 ? only : { kind: "choice", ways };
  return sized === undefined || pathsOf(sized) > maxPaths ? undefined : sized;
}

/** The expression of whole texts: one that is tied to an end only by `^` and `$` has any text on the other side. */
function anchored(way: RegexNode, unwritable: readonly Span[]): RegexNode | undefined {
  const parts = flat(way);
  const begins = isAnchor(parts[0], "^");
  if (begins) parts.shift();
  const ends = isAnchor(parts.at(-1), "$");
  if (ends) parts.pop();
  const any: RegexNode = {
    kind: "repeat",
    of: { kind: "class", spans: without([everything], unwritable), source: "." },
    least: 0,
    most: undefined,
  };
  return writable(
    { kind: "sequence", parts: [...(begins ? [] : [any]), ...parts, ...(ends ? [] : [any])] },
    unwritable,
  );
}

function flat(node: RegexNode): RegexNode[] {
  return node.kind === "sequence" ? node.parts.flatMap(flat) : [node];
}

function isAnchor(node: RegexNode | undefined, sign: "^" | "$"): boolean {
  return node?.kind === "assertion" && node.sign === sign;
}

/** The same without the characters that cannot be written; undefined where nothing is left or known. */
function writable(node: RegexNode, unwritable: readonly Span[]): RegexNode | undefined {
  switch (node.kind) {
    case "class": {
      const spans = node.spans && without(node.spans, unwritable);
      return spans === undefined || spans.length === 0 ? undefined : { ...node, spans };
    }
    case "assertion":
      return undefined;
    case "sequence": {
      const parts = all(node.parts.map((part) => writable(part, unwritable)));
      return parts && { kind: "sequence", parts };
    }
    case "choice": {
      const ways = all(node.ways.map((way) => writable(way, unwritable)));
      return ways && { kind: "choice", ways };
    }
    case "repeat": {
      // the ways to repeat nothing have no end: llama.cpp would count them all
      const of = matchesNothing(node.of) || node.least > maxRepeats ? undefined : writable(node.of, unwritable);
      const most = node.most === undefined ? undefined : Math.min(node.most, maxRepeats);
      return of && { ...node, of, most };
    }
  }
}

function all(nodes: readonly (RegexNode | undefined)[]): readonly RegexNode[] | undefined {
  const found = nodes.filter((node) => node !== undefined);
  return found.length === nodes.length ? found : undefined;
}

/** Shortest and longest match. */
function lengthsOf(node: RegexNode): readonly [number, number] {
  switch (node.kind) {
    case "class":
      return [1, 1];
    case "assertion":
      return [0, 0];
    case "sequence": {
      const lengths = node.parts.map(lengthsOf);
      return [sum(lengths.map(([least]) => least)), sum(lengths.map(([, most]) => most))];
    }
    case "choice": {
      const lengths = node.ways.map(lengthsOf);
      return [Math.min(...lengths.map(([least]) => least)), Math.max(...lengths.map(([, most]) => most))];
    }
    case "repeat": {
      const [least, most] = lengthsOf(node.of);
      return [least * node.least, most === 0 ? 0 : most * (node.most ?? Infinity)];
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Texts of the expression whose length lies within the bounds. */
function narrowed(node: RegexNode, least: number, most: number): RegexNode | undefined {
  const [low, high] = lengthsOf(node);
  if (low >= least && high <= most) return node;
  if (high < least || low > most) return undefined;
  switch (node.kind) {
    case "choice": {
      const ways = node.ways.map((way) => narrowed(way, least, most)).filter((way) => way !== undefined);
      return ways.length === 0 ? undefined : { kind: "choice", ways };
    }
    case "repeat":
      return narrowedRepeat(node, least, most);
    case "sequence":
      return narrowedSequence(node.parts, least, most);
    default:
      return undefined;
  }
}

type Repeat = Extract<RegexNode, { kind: "repeat" }>;

function narrowedRepeat(node: Repeat, least: number, most: number): RegexNode | undefined {
  const [low, high] = lengthsOf(node.of);
  const from = Math.max(node.least, Math.ceil(least / low));
  const to = Math.min(node.most ?? Infinity, Math.floor(most / high));
  if (from <= to) return { ...node, least: from, most: to === Infinity ? undefined : to };
  const of = from > (node.most ?? Infinity) ? undefined : narrowed(node.of, low, Math.floor(most / from));
  return of && { ...node, of, least: from, most: from };
}

/** What is missing is added to the last parts that can grow; what may be there beyond it is shared equally. */
function narrowedSequence(parts: readonly RegexNode[], least: number, most: number): RegexNode | undefined {
  const lengths = parts.map(lengthsOf);
  const lows = lengths.map(([low]) => low);
  let missing = least - sum(lows);
  for (let at = parts.length - 1; at >= 0 && missing > 0; at--) {
    const [low = 0, high = 0] = lengths[at] ?? [];
    const more = Math.min(missing, high - low);
    lows[at] = low + more;
    missing -= more;
  }
  let room = most - sum(lows);
  let growing = lengths.filter(([, high], at) => high > (lows[at] ?? 0)).length;
  const found = parts.map((part, at) => {
    const low = lows[at] ?? 0;
    const high = lengths[at]?.[1] ?? low;
    if (high <= low) return narrowed(part, low, low);
    const share = Math.min(high, low + Math.floor(room / growing));
    growing -= 1;
    room -= share === Infinity ? 0 : share - low;
    return narrowed(part, low, share);
  });
  const sized = all(found);
  return sized && { kind: "sequence", parts: sized };
}
