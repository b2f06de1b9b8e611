import type { Cursor } from "./cursor.ts";

/** A place where a pattern matched; the cursor stands at its start. */
export interface Hit {
  kind: string;
  pattern: Pattern;
  /** UTF-16 units to step over. */
  length: number;
  /** What the pattern's own group caught, or `""`. */
  name: string;
}

/** Characters of a literal as regex atoms. */
export function literal(text: string): string[] {
  return Array.from(text, (character) => character.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&"));
}

/** An opening tag with its `name`, quoted or not, spaces bounded; the name is captured. */
export function namedTag(tag: string): string[] {
  return [
    ...literal(`<${tag}`),
    "\\s{1,8}",
    ...literal("name"),
    "\\s{0,8}",
    "=",
    "\\s{0,8}",
    "[\"']?",
    "([^\"'<>\\n]{1,256})",
    "[\"']?",
    "\\s{0,8}",
    ">",
  ];
}

/**
 * A tag as a list of regex atoms, each a character, a class or a bounded repetition. From one list come two regexes:
 * the whole tag, and "the text ends inside this tag", so that a tag cut anywhere is held and nothing else is. Bounds
 * in the atoms bound what is held. Atoms of `ahead` must follow, but are not stepped over.
 */
export class Pattern {
  readonly kind: string;
  private readonly whole: RegExp;
  private readonly start: RegExp;

  constructor(kind: string, atoms: readonly string[], ahead: readonly string[] = []) {
    this.kind = kind;
    this.whole = new RegExp(`(${atoms.join("")})${ahead.join("")}`, "y");
    this.start = new RegExp(
      [...atoms, ...ahead].reduceRight((rest, atom) => `(?:$|${atom}${rest})`, ""),
      "y",
    );
  }

  /** `partial`: the text ends before it is clear. */
  match(text: string, at: number): Hit | "partial" | undefined {
    this.whole.lastIndex = at;
    const found = this.whole.exec(text);
    if (found !== null) return { kind: this.kind, pattern: this, length: found[1]?.length ?? 0, name: found[2] ?? "" };
    this.start.lastIndex = at;
    return this.start.test(text) ? "partial" : undefined;
  }
}

/** Patterns looked for together. Where one is the beginning of another, the longer one comes first. */
export class PatternSet {
  private readonly patterns: readonly Pattern[];
  private readonly first: RegExp;

  /** `first`: the characters a pattern may begin with, as the inside of a regex class. */
  constructor(patterns: readonly Pattern[], first: string) {
    this.patterns = patterns;
    this.first = new RegExp(`[${first}]`, "g");
  }

  /** What stands right at the cursor. */
  here(cursor: Cursor): Hit | "partial" | undefined {
    return this.probe(cursor.text, cursor.at, false);
  }

  /**
   * Takes the text before the next match, or before what may become one, and leaves the cursor there. `final`: no more
   * text comes, so what is only the start of a tag is text.
   */
  seek(cursor: Cursor, final = false): { plain: string; hit?: Hit } {
    const { text, at: from } = cursor;
    this.first.lastIndex = from;
    for (let found = this.first.exec(text); found !== null; found = this.first.exec(text)) {
      const hit = this.probe(text, found.index, final);
      if (hit === undefined) continue;
      cursor.at = found.index;
      const plain = text.slice(from, found.index);
      return hit === "partial" ? { plain } : { plain, hit };
    }
    cursor.at = text.length;
    return { plain: text.slice(from) };
  }

  private probe(text: string, at: number, final: boolean): Hit | "partial" | undefined {
    for (const pattern of this.patterns) {
      const hit = pattern.match(text, at);
      if (hit === undefined || (hit === "partial" && final)) continue;
      return hit;
    }
    return undefined;
  }
}
