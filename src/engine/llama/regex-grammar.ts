import { anyOf, repeat } from "./grammar.ts";

/** Code points from the first to the second, both included. */
export type Span = readonly [number, number];

/** Characters that JSON text cannot hold as they are. */
export const unwritableInJson: readonly Span[] = [spanOf('"'), spanOf("\\"), [0, 0x1f], [0x7f, 0x7f], [0xd800, 0xdfff]];
/** Characters that may begin a tag, and what no token holds. */
export const unwritableInMarkup: readonly Span[] = [spanOf("<"), spanOf("]"), [0, 0], [0xd800, 0xdfff]];

const mostRepeats = 100;
const everything: Span = [0, 0x10_ffff];
const classes: Readonly<Record<string, readonly Span[]>> = {
  d: [[0x30, 0x39]],
  w: [
    [0x30, 0x39],
    [0x41, 0x5a],
    [0x5f, 0x5f],
    [0x61, 0x7a],
  ],
  s: [
    [0x09, 0x0d],
    [0x20, 0x20],
  ],
};
const controls: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };
const unbounded = { "*": [0, undefined], "+": [1, undefined], "?": [0, 1] } as const;

/**
 * A regular expression of JSON Schema's `pattern` as a body: characters, classes, groups, alternatives, repetitions
 * and anchors at the ends. Undefined for anything else (look-around, back references, word boundaries). Characters
 * that cannot be written where the body stands are left out of classes.
 */
export function regexBody(pattern: string, unwritable: readonly Span[]): string | undefined {
  const anchored = pattern.startsWith("^");
  const ended = /(?<!\\)\$$/u.test(pattern);
  const inner = pattern.slice(anchored ? 1 : 0, ended ? -1 : undefined);
  try {
    const reader = new RegexReader(inner, unwritable);
    const any = reader.any();
    const body = reader.whole(anchored || ended);
    // an expression matches anywhere in a text; anchors tie it to the ends
    return `${anchored ? "" : `${any}* `}${body}${ended ? "" : ` ${any}*`}`;
  } catch (thrown) {
    if (thrown instanceof Unsupported) return undefined;
    throw thrown;
  }
}

class Unsupported extends Error {}

class RegexReader {
  // fixed at birth
  private readonly signs: readonly string[];
  private readonly unwritable: readonly Span[];
  // changed by events
  private at = 0;
  /** What was read last may match nothing. */
  private empty = false;

  constructor(pattern: string, unwritable: readonly Span[]) {
    this.signs = Array.from(pattern);
    this.unwritable = unwritable;
  }

  /** `tied`: an anchor was cut off; of several alternatives it would tie one only. */
  whole(tied: boolean): string {
    const ways = this.alternatives();
    if (this.at < this.signs.length || (tied && ways.length > 1)) throw new Unsupported();
    return anyOf(ways);
  }

  any(): string {
    return this.body([everything]);
  }

  private alternatives(): string[] {
    const ways = [this.sequence()];
    let { empty } = this;
    while (this.skip("|")) {
      ways.push(this.sequence());
      empty ||= this.empty;
    }
    this.empty = empty;
    return ways;
  }

  private sequence(): string {
    const parts: string[] = [];
    let empty = true;
    while (this.at < this.signs.length && this.peek() !== "|" && this.peek() !== ")") {
      parts.push(this.quantified());
      empty &&= this.empty;
    }
    this.empty = empty;
    return parts.length === 0 ? '""' : parts.join(" ");
  }

  private quantified(): string {
    const atom = this.atom();
    const [least, most] = this.bounds();
    if (least === 1 && most === 1) return atom;
    // the ways to repeat nothing have no end: llama.cpp would count them all
    if (this.empty) throw new Unsupported();
    this.empty = least === 0;
    // a lazy repetition matches the same texts
    this.skip("?");
    return repeat(atom, Math.min(least, mostRepeats), most === undefined ? undefined : Math.min(most, mostRepeats));
  }

  private atom(): string {
    const sign = this.next();
    if (sign === "(") return this.group();
    this.empty = false;
    if (sign === "[") return this.body(this.set());
    if (sign === ".") return this.any();
    if (sign === "\\") return this.body(this.escape());
    if ("^$*+?{".includes(sign)) throw new Unsupported();
    return this.body([spanOf(sign)]);
  }

  private group(): string {
    if (this.skip("?") && !this.skip(":")) throw new Unsupported();
    const ways = this.alternatives();
    if (this.next() !== ")") throw new Unsupported();
    return `(${ways.join(" | ")})`;
  }

  private set(): readonly Span[] {
    const negated = this.skip("^");
    const spans: Span[] = [];
    while (!this.skip("]")) {
      const first = this.setPart();
      const low = first[0];
      // a `-` before the end, or behind a class, is only a sign
      if (this.peek() !== "-" || this.signs[this.at + 1] === "]" || low === undefined || first.length > 1) {
        spans.push(...first);
        continue;
      }
      this.next();
      const high = this.setPart()[0];
      if (high === undefined || high[1] < low[0]) throw new Unsupported();
      spans.push([low[0], high[1]]);
    }
    return negated ? without([everything], spans) : spans;
  }

  private setPart(): readonly Span[] {
    const sign = this.next();
    return sign === "\\" ? this.escape() : [spanOf(sign)];
  }

  private escape(): readonly Span[] {
    const sign = this.next();
    const known = classes[sign.toLowerCase()];
    if (known !== undefined) return sign === sign.toLowerCase() ? known : without([everything], known);
    const coded = sign === "u" ? /^[\da-f]{4}/iu : /^[\da-f]{2}/iu;
    const digits = sign === "u" || sign === "x" ? coded.exec(this.signs.slice(this.at, this.at + 4).join("")) : null;
    if (digits !== null) {
      this.at += digits[0].length;
      const point = Number.parseInt(digits[0], 16);
      return [[point, point]];
    }
    const control = controls[sign];
    if (control === undefined && /[a-zA-Z0-9]/u.test(sign)) throw new Unsupported();
    return [spanOf(control ?? sign)];
  }

  private bounds(): readonly [number, number | undefined] {
    const sign = this.peek();
    if (sign === "*" || sign === "+" || sign === "?") {
      this.at += 1;
      return unbounded[sign];
    }
    const counted = /^\{(\d+)(,?)(\d*)\}/u.exec(this.signs.slice(this.at, this.at + 16).join(""));
    if (counted === null) return [1, 1];
    this.at += counted[0].length;
    const least = Number(counted[1]);
    if (counted[2] === "") return [least, least];
    const most = counted[3] === "" ? undefined : Number(counted[3]);
    if (most !== undefined && most < least) throw new Unsupported();
    return [least, most];
  }

  private body(spans: readonly Span[]): string {
    const writable = without(spans, this.unwritable);
    if (writable.length === 0) throw new Unsupported();
    return `[${writable.map(([low, high]) => `${codePoint(low)}-${codePoint(high)}`).join("")}]`;
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

function spanOf(sign: string): Span {
  const point = sign.codePointAt(0) ?? 0;
  return [point, point];
}

function without(spans: readonly Span[], removed: readonly Span[]): readonly Span[] {
  let left = spans;
  for (const [low, high] of removed) {
    left = left.flatMap(([from, to]): Span[] => {
      const parts: Span[] = [
        [from, Math.min(to, low - 1)],
        [Math.max(from, high + 1), to],
      ];
      return high < from || low > to ? [[from, to]] : parts.filter(([start, end]) => start <= end);
    });
  }
  return left;
}

function codePoint(point: number): string {
  return `\\U${point.toString(16).padStart(8, "0").toUpperCase()}`;
}
