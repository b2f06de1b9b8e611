/** A part of a grammar in GBNF. */
type Part =
  | { kind: "text"; text: string }
  | { kind: "class"; characters: readonly (readonly [number, number])[]; negated: boolean }
  | { kind: "rule"; name: string }
  | { kind: "sequence"; parts: readonly Part[] }
  | { kind: "choice"; ways: readonly Part[] }
  | { kind: "repeat"; of: Part; least: number; most: number };

/** Characters that stand for a negated class. */
const usual = Array.from("aZ 09-_é中😀x{:,").map((sign) => sign.codePointAt(0) ?? 0);

/** Whole numbers from 0 to below an argument; the same ones for the same seed. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed + 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Random texts of a grammar, as `Grammar` writes it. */
export class GbnfWalker {
  // fixed at birth
  private readonly rules = new Map<string, Part>();
  /** Steps from each rule to a text, at least. */
  private readonly heights = new Map<string, number>();
  // changed by events
  private steps = 0;

  constructor(source: string) {
    for (const line of source.split("\n")) {
      const at = line.indexOf(" ::= ");
      this.rules.set(line.slice(0, at), new GbnfParser(line.slice(at + 5)).whole());
    }
    for (let changed = true; changed;) {
      changed = false;
      for (const [name, part] of this.rules) {
        const height = this.height(part) + 1;
        if (height >= (this.heights.get(name) ?? Infinity)) continue;
        this.heights.set(name, height);
        changed = true;
      }
    }
  }

  /** `random` gives whole numbers from 0 to below its argument. */
  text(random: (below: number) => number): string {
    this.steps = 0;
    return this.sample({ kind: "rule", name: "root" }, random);
  }

  private height(part: Part): number {
    switch (part.kind) {
      case "rule":
        return this.heights.get(part.name) ?? Infinity;
      case "sequence":
        return Math.max(0, ...part.parts.map((one) => this.height(one)));
      case "choice":
        return Math.min(...part.ways.map((one) => this.height(one)));
      case "repeat":
        return part.least === 0 ? 0 : this.height(part.of);
      default:
        return 0;
    }
  }

  private sample(part: Part, random: (below: number) => number): string {
    this.steps += 1;
    const tired = this.steps > 400;
    switch (part.kind) {
      case "text":
        return part.text;
      case "class": {
        const fits = (point: number): boolean => part.characters.some(([low, high]) => point >= low && point <= high);
        if (part.negated) {
          const left = usual.filter((point) => !fits(point));
          return String.fromCodePoint(left[random(left.length)] ?? 0x71);
        }
        const [low, high] = part.characters[random(part.characters.length)] ?? [0x61, 0x61];
        return String.fromCodePoint(low + random(Math.min(high - low + 1, 1000)));
      }
      case "rule": {
        const rule = this.rules.get(part.name);
        if (rule === undefined) throw new Error(`no rule ${part.name}`);
        return this.sample(rule, random);
      }
      case "sequence":
        return part.parts.map((one) => this.sample(one, random)).join("");
      case "choice": {
        const lowest = Math.min(...part.ways.map((one) => this.height(one)));
        const ways = tired ? part.ways.filter((one) => this.height(one) === lowest) : part.ways;
        const way = ways[random(ways.length)];
        return way === undefined ? "" : this.sample(way, random);
      }
      case "repeat": {
        const most = tired ? part.least : Math.min(part.most, part.least + 3);
        const count = part.least + random(most - part.least + 1);
        return Array.from({ length: count }, () => this.sample(part.of, random)).join("");
      }
    }
  }
}

class GbnfParser {
  private readonly signs: readonly string[];
  private at = 0;

  constructor(source: string) {
    this.signs = Array.from(source);
  }

  whole(): Part {
    const part = this.choice();
    if (this.at < this.signs.length) throw new Error(`unread: ${this.signs.slice(this.at).join("")}`);
    return part;
  }

  private choice(): Part {
    const ways = [this.sequence()];
    while (this.skip("|")) ways.push(this.sequence());
    return { kind: "choice", ways };
  }

  private sequence(): Part {
    const parts: Part[] = [];
    for (;;) {
      while (this.skip(" "));
      const sign = this.signs[this.at];
      if (sign === undefined || sign === "|" || sign === ")") return { kind: "sequence", parts };
      parts.push(this.repeated(this.atom()));
    }
  }

  private repeated(of: Part): Part {
    if (this.skip("*")) return { kind: "repeat", of, least: 0, most: Infinity };
    if (this.skip("?")) return { kind: "repeat", of, least: 0, most: 1 };
    if (!this.skip("{")) return of;
    const counts = this.until("}").split(",");
    const least = Number(counts[0]);
    return { kind: "repeat", of, least, most: counts[1] === "" ? Infinity : Number(counts[1] ?? least) };
  }

  private until(end: string): string {
    let text = "";
    while (!this.skip(end)) text += this.next();
    return text;
  }

  private atom(): Part {
    if (this.skip("(")) {
      const part = this.choice();
      if (!this.skip(")")) throw new Error("no )");
      return part;
    }
    if (this.skip('"')) {
      let text = "";
      while (!this.skip('"')) text += String.fromCodePoint(this.character());
      return { kind: "text", text };
    }
    if (this.skip("[")) {
      const negated = this.skip("^");
      const characters: [number, number][] = [];
      while (!this.skip("]")) {
        const low = this.character();
        const ranged = this.signs[this.at] === "-" && this.signs[this.at + 1] !== "]";
        if (ranged) this.at += 1;
        characters.push([low, ranged ? this.character() : low]);
      }
      return { kind: "class", characters, negated };
    }
    let name = "";
    while (/[a-z0-9]/.test(this.signs[this.at] ?? "")) name += this.next();
    if (name === "") throw new Error(`not GBNF: ${this.signs.slice(this.at).join("")}`);
    return { kind: "rule", name };
  }

  private character(): number {
    const sign = this.next();
    if (sign !== "\\") return sign.codePointAt(0) ?? 0;
    const letter = this.next();
    const digits = { x: 2, u: 4, U: 8 }[letter];
    if (digits !== undefined) return Number.parseInt(Array.from({ length: digits }, () => this.next()).join(""), 16);
    return ({ n: "\n", t: "\t", r: "\r" }[letter] ?? letter).codePointAt(0) ?? 0;
  }

  private next(): string {
    const sign = this.signs[this.at];
    if (sign === undefined) throw new Error("GBNF ends too early");
    this.at += 1;
    return sign;
  }

  private skip(sign: string): boolean {
    const there = this.signs[this.at] === sign;
    if (there) this.at += 1;
    return there;
  }
}
