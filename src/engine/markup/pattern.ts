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

/** What M3 writes before every tag of a call; spaces behind it are tolerated, as by SGLang's minimax_m3 parser. */
export const token: readonly string[] = [...literal("]<]minimax[>["), "\\s{0,16}"];

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
  // fixed at birth
  readonly kind: string;
  /** Its first atoms, without the newline. */
  readonly lead: readonly string[];
  private readonly whole: RegExp;
  private readonly start: RegExp;

  constructor(kind: string, atoms: readonly string[], ahead: readonly string[] = []) {
    this.kind = kind;
    this.whole = new RegExp(`(${atoms.join("")})${ahead.join("")}`, "y");
    const all = [...atoms, ...ahead];
    this.start = new RegExp(cutAnywhere(all), "y");
    this.lead = all.slice(all[0] === "\\n?" ? 1 : 0).slice(0, 4);
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

/** A regex of the atoms, or of their beginning where the text ends inside them. */
function cutAnywhere(atoms: readonly string[]): string {
  return atoms.reduceRight((rest, atom) => `(?:$|${atom}${rest})`, "");
}

/** Regexes as one, each once; without any, one that matches nothing. */
function anyOf(regexes: readonly string[]): string {
  return regexes.length === 0 ? "(?!)" : [...new Set(regexes)].join("|");
}

/** Patterns looked for together. Where one is the beginning of another, the longer one comes first. */
export class PatternSet {
  // fixed at birth
  private readonly patterns: readonly Pattern[];
  /** Finds where one of the patterns may begin, by its first character; then by some more. */
  private readonly first: RegExp;
  private readonly lead: RegExp;

  constructor(patterns: readonly Pattern[]) {
    this.patterns = patterns;
    const firsts = anyOf(patterns.map(({ lead }) => lead[0] ?? ""));
    this.first = new RegExp(`${firsts}|\\n(?=${firsts}|$)`, "g");
    this.lead = new RegExp(`\\n?(?:${anyOf(patterns.map(({ lead }) => cutAnywhere(lead)))})`, "y");
  }

  /** What stands right at the cursor. `final`: no more text comes. */
  here(cursor: Cursor, final = false): Hit | "partial" | undefined {
    return this.probe(cursor.text, cursor.at, final);
  }

  /**
   * Takes the text before the next match, or before what may become one, and leaves the cursor there. `final`: no more
   * text comes, so what is only the start of a tag is text.
   */
  seek(cursor: Cursor, final = false): { plain: string; hit?: Hit } {
    const { text, at: from } = cursor;
    this.first.lastIndex = from;
    for (let found = this.first.exec(text); found !== null; found = this.first.exec(text)) {
      this.lead.lastIndex = found.index;
      const hit = this.lead.test(text) ? this.probe(text, found.index, final) : undefined;
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
