import type { RegexNode } from "./node.ts";

/** An expression with its counted repetitions written out. */
interface Expanded {
  /** Classes that a match may begin with. */
  firsts: number;
  /** Classes that a match may end with. */
  lasts: number;
  /** Pairs of classes of which one may follow the other. */
  pairs: number;
  nullable: boolean;
}

/**
 * How many steps from one class to a next one an expression has, with its counted repetitions written out. Who matches it
 * without backtracking looks at no more than these for each character, as llama.cpp does: `a?` written n times has the
 * square of n.
 */
export function pathsOf(node: RegexNode): number {
  return expanded(node).pairs;
}

function expanded(node: RegexNode): Expanded {
  switch (node.kind) {
    case "class":
      return { firsts: 1, lasts: 1, pairs: 0, nullable: false };
    case "assertion":
      return nothing;
    case "sequence":
      return node.parts.map(expanded).reduce(followed, nothing);
    case "choice":
      return node.ways.map(expanded).reduce(beside);
    case "repeat":
      return repeated(expanded(node.of), node.least, node.most);
  }
}

const nothing: Expanded = { firsts: 0, lasts: 0, pairs: 0, nullable: true };

function followed(one: Expanded, next: Expanded): Expanded {
  return {
    firsts: one.firsts + (one.nullable ? next.firsts : 0),
    lasts: next.lasts + (next.nullable ? one.lasts : 0),
    pairs: one.pairs + next.pairs + one.lasts * next.firsts,
    nullable: one.nullable && next.nullable,
  };
}

function beside(one: Expanded, other: Expanded): Expanded {
  return {
    firsts: one.firsts + other.firsts,
    lasts: one.lasts + other.lasts,
    pairs: one.pairs + other.pairs,
    nullable: one.nullable || other.nullable,
  };
}

/** `most` undefined: the last copy repeats itself. */
function repeated(one: Expanded, least: number, most: number | undefined): Expanded {
  const copies = most ?? Math.max(1, least);
  const steps = most === undefined ? copies : Math.max(0, copies - 1);
  const ends = most === undefined ? 1 : most - Math.max(1, least) + 1;
  return {
    firsts: one.firsts,
    lasts: one.lasts * ends,
    pairs: one.pairs * copies + one.lasts * one.firsts * steps,
    nullable: least === 0 || one.nullable,
  };
}
