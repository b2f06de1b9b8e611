import { holds, isOf, type RegexNode } from "../../src/lib/regex/node.ts";

/** Nodes looked at, each for all places of the text at once; an expression that needs more counts as no match. */
const maxSteps = 50_000;

/**
 * Whether an expression matches somewhere in a text: all ways at once, so that none takes exponential time (JavaScript's
 * own search would, for `(a|a)*b`).
 */
export function matchesRegex(node: RegexNode, text: string): boolean {
  const matcher = new Matcher(Array.from(text));
  return matcher.ends(node, matcher.everywhere()).size > 0;
}

type Places = ReadonlySet<number>;

class Matcher {
  // fixed at birth
  private readonly text: readonly string[];
  // changed by events
  private steps = 0;

  constructor(text: readonly string[]) {
    this.text = text;
  }

  everywhere(): Places {
    return new Set(Array.from({ length: this.text.length + 1 }, (_, at) => at));
  }

  /** Where matches can end that begin at one of the places. */
  ends(node: RegexNode, from: Places): Places {
    this.steps += 1;
    if (from.size === 0 || this.steps > maxSteps) return new Set();
    switch (node.kind) {
      case "class":
        return new Set([...from].filter((at) => isOf(node, this.text[at] ?? "")).map((at) => at + 1));
      case "assertion":
        return new Set([...from].filter((at) => holds(node.sign, this.text, at)));
      case "sequence":
        return node.parts.reduce((places, part) => this.ends(part, places), from);
      case "choice":
        return new Set(node.ways.flatMap((way) => [...this.ends(way, from)]));
      case "repeat":
        return this.repeated(node, from);
    }
  }

  private repeated({ of, least, most = Infinity }: Extract<RegexNode, { kind: "repeat" }>, from: Places): Places {
    let places = from;
    const found = new Set(least === 0 ? from : []);
    for (let round = 1; round <= most && places.size > 0; round++) {
      const before = places;
      places = this.ends(of, places);
      if (round < least) {
        // more rounds of the same change nothing
        if (places.size === before.size && [...places].every((at) => before.has(at))) round = least - 1;
        continue;
      }
      const known = found.size;
      for (const at of places) found.add(at);
      if (found.size === known) break;
    }
    return found;
  }
}
