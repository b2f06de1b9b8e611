import { WorkBudget } from "../../lib/json-schema/work.ts";
import { unusable } from "../schema-path.ts";

/**
 * llama.cpp reads a grammar, twice, while nothing else runs. What it costs, in microseconds as measured: a rule, a piece
 * of a repetition, which llama.cpp writes out, and ten characters. This much is read in some 40 ms.
 */
const maxReadCost = 40_000;
/** Alternatives of one rule; llama.cpp's time grows with the square of their number. */
const maxChoices = 4000;

/**
 * A grammar in llama.cpp's GBNF, rule by rule. Bodies are GBNF source; equal bodies share a rule.
 */
export class Grammar {
  // fixed at birth
  /** For all schemas of the grammar. */
  readonly work = new WorkBudget();
  // changed by events
  private readonly bodies = new Map<string, string>();
  private readonly names = new Map<string, string>();
  /** What llama.cpp needs to read all bodies; raised by `define`. */
  private readCost = 0;

  /** Names a body; the name is what other bodies refer to it by. */
  rule(body: string): string {
    return this.shared(body, () => body);
  }

  /** The rule known by this key; made once, by a maker that gets the rule's name and may refer to it. */
  shared(key: string, make: (name: string) => string): string {
    const known = this.names.get(key);
    if (known !== undefined) return known;
    const name = this.reserve();
    this.names.set(key, name);
    this.define(name, make(name));
    return name;
  }

  /** A name whose body comes later. */
  reserve(): string {
    const name = `r${this.bodies.size}`;
    this.bodies.set(name, "");
    return name;
  }

  /** Throws `unusable` once there is more than llama.cpp reads in a moment. */
  define(name: string, body: string): void {
    this.bodies.set(name, body);
    this.readCost += costOf(body);
    if (this.readCost > maxReadCost) throw unusable("is larger than this engine can hold an answer to");
  }

  /** The whole grammar; `root` is the body an answer must match. */
  source(root: string): string {
    this.define("root", root);
    return [...this.bodies].map(([name, body]) => `${name} ::= ${body}`).join("\n");
  }
}

/** A counted repetition, behind a class where it is one. Braces of texts are written by number. */
const repetition = /(\[[^\]]*\])?\{(\d+),(\d*)\}/g;

/** Microseconds that llama.cpp needs for a rule. */
function costOf(body: string): number {
  let cost = 2 + body.length / 10;
  for (const [, set = "", least, most] of body.matchAll(repetition)) {
    cost += Math.max(Number(least), Number(most)) * (set === "" ? 1 : 0.5 + set.length / 100);
  }
  return cost;
}

/** Exactly this text. Throws `unusable` for one that no token can spell. */
export function literal(text: string): string {
  if (text.includes("\0")) throw unusable("names a text with a NUL character, which no model can write");
  return `"${escaped(text)}"`;
}

/** One of the bodies. Throws `unusable` for more than llama.cpp can choose from. */
export function anyOf(bodies: readonly string[]): string {
  if (bodies.length > maxChoices) throw unusable(`has more than ${maxChoices} values to choose from`);
  return bodies.length === 1 ? (bodies[0] ?? "") : `(${bodies.join(" | ")})`;
}

/** `body` between `least` and `most` times. Throws `unusable` for an empty range, which llama.cpp would read without end. */
export function repeat(body: string, least: number, most?: number): string {
  if (most !== undefined && most < least) {
    throw unusable(`asks for at least ${least} and at most ${most} of the same`);
  }
  return `${body}{${least},${most ?? ""}}`;
}

/**
 * Any text that does not hold the marker, up to where the marker (not part of it) begins: the states of a search for
 * it, one rule each, so that a text like `<</end>` is read as the search reads it.
 */
export function textBefore(grammar: Grammar, marker: string): string {
  return grammar.shared(`before ${marker}`, (name) => searchStates(grammar, marker, name));
}

/**
 * The same with an end: at most about `most` characters. Two rules of the root of `most`, because repetitions cost;
 * the marker's first sign cannot stand twice in a row.
 */
export function shortTextBefore(grammar: Grammar, marker: string, most: number): string {
  const [first = "", ...others] = Array.from(marker);
  const ways = [characterClass([first], "^")];
  for (const [seen, next] of others.entries()) {
    ways.push(`${literal(first + others.slice(0, seen).join(""))} ${characterClass([next, first], "^")}`);
  }
  const step = grammar.rule(anyOf(ways));
  const side = Math.ceil(Math.sqrt(most));
  const block = grammar.rule(repeat(step, side, side));
  return `${repeat(block, 0, side - 1)} ${repeat(step, 0, side - 1)}`;
}

function searchStates(grammar: Grammar, marker: string, name: string): string {
  const characters = Array.from(marker);
  const alphabet = [...new Set(characters)];
  const states = characters.map((_, seen) => (seen === 0 ? name : grammar.reserve()));
  const bodies = states.map((_, seen) => {
    const ways = alphabet.flatMap((character) => {
      const next = matched([...characters.slice(0, seen), character], characters);
      return next === 0 || next === characters.length ? [] : [`${characterClass([character])} ${states[next] ?? ""}`];
    });
    const leading = alphabet.filter((character) => matched([...characters.slice(0, seen), character], characters) > 0);
    ways.push(`${characterClass(leading, "^")} ${states[0] ?? ""}`);
    // a text that ends like the marker begins would make its end ambiguous
    if (seen === 0) ways.push('""');
    return ways.join(" | ");
  });
  for (const [seen, state] of states.entries()) grammar.define(state, bodies[seen] ?? '""');
  return bodies[0] ?? '""';
}

/** How much of the marker's beginning the text ends with. */
function matched(text: readonly string[], marker: readonly string[]): number {
  for (let length = Math.min(text.length, marker.length); length > 0; length--) {
    const tail = text.slice(text.length - length);
    if (tail.every((character, index) => character === marker[index])) return length;
  }
  return 0;
}

function characterClass(characters: readonly string[], not: "^" | "" = ""): string {
  return `[${not}${characters.map(escaped).join("")}]`;
}

/** What GBNF would read as its own signs, and control characters, by number. */
function escaped(text: string): string {
  return text.replace(
    /[\u0000-\u001f"\\\]^[{-]/gu,
    (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`,
  );
}
