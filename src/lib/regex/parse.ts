import { classSpans, everything, type CharacterClass, type RegexNode, type Span, spanOf, without } from "./node.ts";

/** Longer patterns are not read. */
export const maxPatternChars = 4_000;
/** Groups within each other. */
const maxDepth = 50;
const controls: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", f: "\f", v: "\v" };
const lineEnds: readonly Span[] = [spanOf("\n"), spanOf("\r"), [0x2028, 0x2029]];
const unbounded = { "*": [0, undefined], "+": [1, undefined], "?": [0, 1] } as const;

/**
 * A regular expression of ECMA-262 in its Unicode mode, as JSON Schema's `pattern` means it: characters, classes,
 * properties, groups, alternatives, repetitions, anchors and word boundaries. Undefined for anything else (look-around,
 * back references, syntax errors), and for patterns beyond the bounds.
 */
export function parseRegex(pattern: string): RegexNode | undefined {
  if (pattern.length > maxPatternChars) return undefined;
  try {
    return new RegexParser(pattern).whole();
  } catch (thrown) {
    if (thrown instanceof Unsupported) return undefined;
    throw thrown;
  }
}

class Unsupported extends Error {}

/** Matches one character of a class with properties of Unicode; undefined where it is no class in Unicode mode. */
function listedBy(source: string): RegExp | undefined {
  try {
    return new RegExp(`^${source}$`, "u");
  } catch {
    return undefined;
  }
}

class RegexParser {
  // fixed at birth
  /** Characters, not UTF-16 units. */
  private readonly signs: readonly string[];
  // changed by events
  private at = 0;
  private depth = 0;

  constructor(pattern: string) {
    this.signs = Array.from(pattern);
  }

  whole(): RegexNode {
    const node = this.choice();
    if (this.at < this.signs.length) throw new Unsupported();
    return node;
  }

  private choice(): RegexNode {
    const ways = [this.sequence()];
    while (this.skip("|")) ways.push(this.sequence());
    const [only] = ways;
    return ways.length === 1 && only !== undefined ? only : { kind: "choice", ways };
  }

  private sequence(): RegexNode {
    const parts: RegexNode[] = [];
    while (this.at < this.signs.length && this.peek() !== "|" && this.peek() !== ")") parts.push(this.quantified());
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { kind: "sequence", parts };
  }

  private quantified(): RegexNode {
    const grouped = this.peek() === "(";
    const of = this.atom();
    const [least, most] = this.bounds() ?? [];
    if (least === undefined) return of;
    if (of.kind === "assertion" && !grouped) throw new Unsupported();
    this.skip("?");
    return { kind: "repeat", of, least, most };
  }

  private atom(): RegexNode {
    const from = this.at;
    const sign = this.next();
    if (sign === "(") return this.group();
    if (sign === "^" || sign === "$") return { kind: "assertion", sign };
    if (sign === "[") return this.classOf(from, this.set());
    if (sign === ".") return this.classOf(from, without([everything], lineEnds));
    const letter = this.peek();
    if (sign === "\\" && (letter === "b" || letter === "B")) {
      this.at += 1;
      return { kind: "assertion", sign: letter };
    }
    if (sign === "\\") return this.classOf(from, this.escape());
    if ("*+?{".includes(sign)) throw new Unsupported();
    return this.classOf(from, [spanOf(sign)]);
  }

  private classOf(from: number, spans: readonly Span[] | undefined): CharacterClass {
    const source = this.signs.slice(from, this.at).join("");
    if (spans !== undefined) return { kind: "class", spans, source };
    const expression = listedBy(source);
    if (expression === undefined) throw new Unsupported();
    return { kind: "class", spans, source, expression };
  }

  private group(): RegexNode {
    if (this.skip("?") && !this.skip(":")) {
      const named = /^<[A-Za-z_$][\w$]*>/.exec(this.signs.slice(this.at, this.at + 60).join(""));
      if (named === null) throw new Unsupported();
      this.at += named[0].length;
    }
    this.depth += 1;
    if (this.depth > maxDepth) throw new Unsupported();
    const node = this.choice();
    this.depth -= 1;
    if (this.next() !== ")") throw new Unsupported();
    return node;
  }

  private set(): readonly Span[] | undefined {
    const negated = this.skip("^");
    const spans: Span[] = [];
    let listed = true;
    while (!this.skip("]")) {
      const part = this.range();
      if (part === undefined) listed = false;
      else spans.push(...part);
    }
    if (!listed) return undefined;
    return negated ? without([everything], spans) : spans;
  }

  /** A character, a class, or two characters with `-` between them. */
  private range(): readonly Span[] | undefined {
    const first = this.setPart();
    const low = first?.[0];
    // a `-` before the end, or behind a class, is only a sign
    const alone = this.peek() !== "-" || this.signs[this.at + 1] === "]";
    if (alone || low === undefined || first?.length !== 1 || low[0] !== low[1]) return first;
    this.next();
    const high = this.setPart()?.[0];
    if (high === undefined || high[1] < low[0]) throw new Unsupported();
    return [[low[0], high[1]]];
  }

  private setPart(): readonly Span[] | undefined {
    const sign = this.next();
    if (sign !== "\\") return [spanOf(sign)];
    return this.skip("b") ? [spanOf("\b")] : this.escape();
  }

  /** What follows a backslash. */
  private escape(): readonly Span[] | undefined {
    const sign = this.next();
    const known = classSpans[sign.toLowerCase()];
    if (known !== undefined) return sign === sign.toLowerCase() ? known : without([everything], known);
    if (sign === "p" || sign === "P") return this.property(sign);
    if (sign === "u" || sign === "x") return [this.coded(sign)];
    const control = controls[sign];
    if (control === undefined && /[a-zA-Z0-9]/u.test(sign)) throw new Unsupported();
    return [spanOf(control ?? sign)];
  }

  /** A property of Unicode, if there is one of that name. */
  private property(sign: string): undefined {
    const name = this.matched(/^\{\w+(?:=\w+)?\}/);
    try {
      if (name === undefined) throw new Unsupported();
      void new RegExp(`\\${sign}${name}`, "u");
    } catch {
      throw new Unsupported();
    }
  }

  /** A character by its number: `\x41`, `\u0041`, `\u{41}`, or a pair of surrogates. */
  private coded(sign: "u" | "x"): Span {
    const digits = this.matched(sign === "u" ? /^(?:[\da-f]{4}|\{[\da-f]{1,6}\})/i : /^[\da-f]{2}/i);
    if (digits === undefined) throw new Unsupported();
    const point = Number.parseInt(digits.replace("{", ""), 16);
    const second = point >= 0xd800 && point <= 0xdbff ? this.matched(/^\\ud[c-f][\da-f]{2}/i) : undefined;
    const low = second === undefined ? 0 : Number.parseInt(second.slice(2), 16);
    const whole = second === undefined ? point : 0x1_0000 + (point - 0xd800) * 0x400 + (low - 0xdc00);
    if (whole > everything[1]) throw new Unsupported();
    return [whole, whole];
  }

  private bounds(): readonly [number, number | undefined] | undefined {
    const sign = this.peek();
    if (sign === "*" || sign === "+" || sign === "?") {
      this.at += 1;
      return unbounded[sign];
    }
    if (sign !== "{") return undefined;
    const counted = this.matched(/^\{\d{1,9}(?:,\d{0,9})?\}/);
    if (counted === undefined) return undefined;
    const [least = "", most] = counted.slice(1, -1).split(",");
    const bounds = [Number(least), most === "" ? undefined : Number(most ?? least)] as const;
    if (bounds[1] !== undefined && bounds[1] < bounds[0]) throw new Unsupported();
    return bounds;
  }

  /** Steps over what the expression, of ASCII characters, finds right here. */
  private matched(expression: RegExp): string | undefined {
    const found = expression.exec(this.signs.slice(this.at, this.at + 40).join(""))?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  private peek(): string {
    return this.signs[this.at] ?? "";
  }

  private skip(sign: string): boolean {
    const there = this.peek() === sign;
    if (there) this.at += 1;
    return there;
  }

  private next(): string {
    const sign = this.signs[this.at];
    if (sign === undefined) throw new Unsupported();
    this.at += 1;
    return sign;
  }
}
