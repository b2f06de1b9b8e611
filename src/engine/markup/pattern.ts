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

const special: ReadonlySet<string> = new Set("\\^$.*+?()[]{}|/");

/** Characters of a literal as regex atoms. */
export function literal(text: string): string[] {
  return Array.from(text, (character) => (special.has(character) ? `\\${character}` : character));
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
  private readonly atoms: readonly string[];
  private readonly ahead: readonly string[];
  // changed by events
  /** The two regexes; made by the first text that may hold the tag, which most answers do not. */
  private regexes: { whole: RegExp; start: RegExp } | undefined;

  constructor(kind: string, atoms: readonly string[], ahead: readonly string[] = []) {
    this.kind = kind;
    this.atoms = atoms;
    this.ahead = ahead;
    const all = ahead.length === 0 ? atoms : [...atoms, ...ahead];
    const from = all[0] === "\\n?" ? 1 : 0;
    this.lead = all.slice(from, from + 4);
  }

  /** `partial`: the text ends before it is clear. */
  match(text: string, at: number): Hit | "partial" | undefined {
    const { whole, start } = (this.regexes ??= this.compile());
    whole.lastIndex = at;
    const found = whole.exec(text);
    if (found !== null) return { kind: this.kind, pattern: this, length: found[1]?.length ?? 0, name: found[2] ?? "" };
    start.lastIndex = at;
    return start.test(text) ? "partial" : undefined;
  }

  private compile(): { whole: RegExp; start: RegExp } {
    const { atoms, ahead } = this;
    const whole = new RegExp(`(${atoms.join("")})${ahead.join("")}`, "y");
    return { whole, start: new RegExp(cutAnywhere([...atoms, ...ahead]), "y") };
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
  // changed by events
  /** Finds where one of the patterns may begin, by its first character; made by the first search. */
  private first: RegExp | undefined;
  /** Looks at some more characters there; made by the first place that is found. */
  private lead: RegExp | undefined;

  constructor(patterns: readonly Pattern[]) {
    this.patterns = patterns;
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
    const first = (this.first ??= this.firstPlace());
    first.lastIndex = from;
    for (let found = first.exec(text); found !== null; found = first.exec(text)) {
      const lead = (this.lead ??= this.likelyPlace());
      lead.lastIndex = found.index;
      const hit = lead.test(text) ? this.probe(text, found.index, final) : undefined;
      if (hit === undefined) continue;
      cursor.at = found.index;
      const plain = text.slice(from, found.index);
      return hit === "partial" ? { plain } : { plain, hit };
    }
    cursor.at = text.length;
    return { plain: text.slice(from) };
  }

  private firstPlace(): RegExp {
    const firsts = anyOf(this.patterns.map(({ lead }) => lead[0] ?? ""));
    return new RegExp(`${firsts}|\\n(?=${firsts}|$)`, "g");
  }

  private likelyPlace(): RegExp {
    return new RegExp(`\\n?(?:${anyOf(this.patterns.map(({ lead }) => cutAnywhere(lead)))})`, "y");
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
