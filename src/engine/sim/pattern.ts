import { type CharacterClass, holds, isOf, type RegexNode } from "../../lib/regex/node.ts";
import { parseRegex } from "../../lib/regex/parse.ts";

/** Characters and steps of one sample; a pattern that asks for more gets none. */
const maxSteps = 10_000;

/**
 * A text that matches a regular expression of the kind JSON Schemas carry; every choice takes the first branch, every
 * count its least. Undefined where the expression cannot be read or the text does not match, as with most assertions
 * inside of it.
 */
export function sampleOfPattern(source: string): string | undefined {
  const node = parseRegex(source);
  return node && sampleOf(node);
}

/** The same of an expression that was parsed. */
export function sampleOf(node: RegexNode): string | undefined {
  const sample: Sample = { characters: [], assertions: [], chosen: new Map(), steps: 0 };
  if (!add(node, sample)) return undefined;
  const { characters, assertions } = sample;
  return assertions.every(({ sign, at }) => holds(sign, characters, at)) ? characters.join("") : undefined;
}

interface Sample {
  characters: string[];
  /** What must hold between the characters, once all are there. */
  assertions: { sign: "^" | "$" | "b" | "B"; at: number }[];
  /** The character of each class that was met. */
  chosen: Map<CharacterClass, string | undefined>;
  steps: number;
}

/** False where nothing can be made. */
function add(node: RegexNode, sample: Sample): boolean {
  sample.steps += 1;
  if (sample.steps > maxSteps) return false;
  switch (node.kind) {
    case "class": {
      const character = sample.chosen.has(node) ? sample.chosen.get(node) : characterOf(node);
      sample.chosen.set(node, character);
      if (character !== undefined) sample.characters.push(character);
      return character !== undefined;
    }
    case "assertion":
      sample.assertions.push({ sign: node.sign, at: sample.characters.length });
      return true;
    case "sequence":
      return node.parts.every((part) => add(part, sample));
    case "choice":
      return node.ways[0] !== undefined && add(node.ways[0], sample);
    case "repeat":
      for (let count = 0; count < node.least; count++) if (!add(node.of, sample)) return false;
      return true;
  }
}

const usual = ["a", "A", "1", "0", " ", "-", "_", ".", "z", "é", "中"];
const printable = Array.from({ length: 95 }, (_, code) => String.fromCharCode(32 + code));

function characterOf(one: CharacterClass): string | undefined {
  const found = [...usual, ...printable].find((character) => isOf(one, character));
  const first = one.spans?.[0]?.[0];
  return found ?? (first === undefined ? undefined : String.fromCodePoint(first));
}
