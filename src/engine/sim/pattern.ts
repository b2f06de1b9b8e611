/**
 * Makes a text that matches a regular expression of the kind JSON Schemas carry: literals, classes, groups, alternation
 * and counts. `undefined` where the result does not match, as with lookaround or back references.
 */
export function sampleOfPattern(source: string): string | undefined {
  try {
    const made = new PatternSampler(source).alternatives();
    return compilePattern(source).test(made) ? made : undefined;
  } catch {
    return undefined;
  }
}

/** Schemas are to be read with Unicode; some authors' escapes are only legal without. Throws SyntaxError. */
export function compilePattern(source: string): RegExp {
  try {
    return new RegExp(source, "u");
  } catch {
    return new RegExp(source);
  }
}

/** Most repetitions made of one atom; more would only be asked for by mistake. */
const mostRepeats = 1_000;
const classSamples: Readonly<Record<string, string>> = {
  d: "1",
  w: "a",
  s: " ",
  D: "a",
  W: "-",
  S: "a",
  t: "\t",
  n: "\n",
  r: "\r",
};
const common = ["a", "A", "1", "0", " ", "-", "_", ".", "z", "é", "中"];

/** Recursive descent over the source; every choice takes the first branch, every count its minimum. */
class PatternSampler {
  private readonly source: string;
  private at = 0;

  constructor(source: string) {
    this.source = source;
  }

  alternatives(): string {
    let first: string | undefined;
    do {
      const branch = this.branch();
      first ??= branch;
    } while (this.take("|"));
    return first;
  }

  private branch(): string {
    let made = "";
    while (this.at < this.source.length && this.peek() !== "|" && this.peek() !== ")") {
      const atom = this.atom();
      made += atom.repeat(this.count());
    }
    return made;
  }

  private atom(): string {
    const sign = this.source[this.at++] ?? "";
    if (sign === "^" || sign === "$") return "";
    if (sign === ".") return "a";
    if (sign === "\\") return this.escape();
    if (sign === "[") return this.charClass();
    return sign === "(" ? this.group() : sign;
  }

  private group(): string {
    const head = /^\?(?::|<[A-Za-z]\w*>)/.exec(this.source.slice(this.at, this.at + 60));
    if (head === null && this.peek() === "?") throw new Error("lookaround");
    this.at += head?.[0].length ?? 0;
    const made = this.alternatives();
    this.take(")");
    return made;
  }

  private escape(): string {
    const sign = this.source[this.at++] ?? "";
    if (sign === "b" || sign === "B") return "";
    if (sign === "u" || sign === "x") return this.codePoint(sign === "u" ? 4 : 2);
    if (sign !== "p" && sign !== "P") return classSamples[sign] ?? sign;
    const end = this.source.indexOf("}", this.at);
    const text = this.source.slice(this.at, end + 1);
    this.at = end + 1;
    const named = new RegExp(`\\${sign}${text}`, "u");
    return common.find((candidate) => named.test(candidate)) ?? "a";
  }

  private codePoint(digits: number): string {
    const made = String.fromCharCode(Number.parseInt(this.source.slice(this.at, this.at + digits), 16));
    this.at += digits;
    return made;
  }

  private charClass(): string {
    const start = this.at - 1;
    let end = this.source[this.at] === "^" ? this.at + 1 : this.at;
    while (end < this.source.length && this.source[end] !== "]") end += this.source[end] === "\\" ? 2 : 1;
    this.at = end + 1;
    const one = compilePattern(`^${this.source.slice(start, this.at)}$`);
    const printable = Array.from({ length: 95 }, (_, code) => String.fromCharCode(32 + code));
    return [...common, ...printable].find((candidate) => one.test(candidate)) ?? "";
  }

  private count(): number {
    const sign = this.peek();
    if (sign === "+" || sign === "*" || sign === "?") this.at += 1;
    const braces = /^\{(\d+)(?:,\d*)?\}/.exec(this.source.slice(this.at, this.at + 20));
    this.at += braces?.[0].length ?? 0;
    this.take("?");
    if (braces !== null) return Math.min(Number(braces[1]), mostRepeats);
    return sign === "*" || sign === "?" ? 0 : 1;
  }

  private peek(): string {
    return this.source[this.at] ?? "";
  }

  private take(sign: string): boolean {
    if (this.peek() !== sign) return false;
    this.at += 1;
    return true;
  }
}
