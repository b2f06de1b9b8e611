/** Code points from the first to the second, both included. */
export type Span = readonly [number, number];

/** One character of a set. */
export interface CharacterClass {
  kind: "class";
  /** The set; undefined where it is one of Unicode's properties, which only a regular expression can list. */
  spans: readonly Span[] | undefined;
  /** As it stands in the pattern. */
  source: string;
  /** Matches one character; of a class without spans. */
  expression?: RegExp | undefined;
}

/** A regular expression, parsed. Groups only group. */
export type RegexNode =
  | CharacterClass
  | { kind: "sequence"; parts: readonly RegexNode[] }
  | { kind: "choice"; ways: readonly RegexNode[] }
  /** `most` undefined: any number. Greedy or lazy: the same texts match. */
  | { kind: "repeat"; of: RegexNode; least: number; most: number | undefined }
  /** The start, the end, a word boundary, no word boundary. */
  | { kind: "assertion"; sign: "^" | "$" | "b" | "B" };

export const everything: Span = [0, 0x10_ffff];

/** The spans of exactly this character. */
export function spanOf(sign: string): Span {
  const point = sign.codePointAt(0) ?? 0;
  return [point, point];
}

/** What of some spans lies outside of others. */
export function without(spans: readonly Span[], removed: readonly Span[]): readonly Span[] {
  const sorted = removed.toSorted(([one], [other]) => one - other);
  return spans.flatMap(([low, high]) => {
    const left: Span[] = [];
    let from = low;
    for (const [start, end] of sorted) {
      if (start > high) break;
      if (start > from) left.push([from, start - 1]);
      from = Math.max(from, end + 1);
    }
    if (from <= high) left.push([from, high]);
    return left;
  });
}

/** Whether an expression matches the empty text, assertions apart. */
export function matchesNothing(node: RegexNode): boolean {
  switch (node.kind) {
    case "class":
      return false;
    case "assertion":
      return true;
    case "sequence":
      return node.parts.every(matchesNothing);
    case "choice":
      return node.ways.some(matchesNothing);
    case "repeat":
      return node.least === 0 || matchesNothing(node.of);
  }
}

/** Whether a character is of the class; the empty text, behind the last one, is of none. */
export function isOf({ spans, expression }: CharacterClass, character: string): boolean {
  const point = character.codePointAt(0) ?? -1;
  if (spans === undefined) return expression?.test(character) ?? false;
  return spans.some(([low, high]) => point >= low && point <= high);
}

const word: readonly Span[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];

/** Classes by their letter; the capital letter means all other characters. */
export const classSpans: Readonly<Record<string, readonly Span[]>> = {
  d: [[0x30, 0x39]],
  w: word,
  s: [
    [0x09, 0x0d],
    [0x20, 0x20],
    [0xa0, 0xa0],
    [0x1680, 0x1680],
    [0x2000, 0x200a],
    [0x2028, 0x2029],
    [0x202f, 0x202f],
    [0x205f, 0x205f],
    [0x3000, 0x3000],
    [0xfeff, 0xfeff],
  ],
};

/** Whether an assertion holds between two characters of a text, given as a list of them. */
export function holds(sign: "^" | "$" | "b" | "B", text: readonly string[], at: number): boolean {
  if (sign === "^") return at === 0;
  if (sign === "$") return at === text.length;
  const [before, after] = [text[at - 1], text[at]].map((character) => {
    return character !== undefined && isOf({ kind: "class", spans: word, source: "\\w" }, character);
  });
  return (before !== after) === (sign === "b");
}
