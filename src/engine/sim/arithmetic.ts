/** Words that stand for operators. */
const spoken: readonly [RegExp, string][] = [
  [/\bplus\b|加上|加/g, "+"],
  [/\bminus\b|减去|减/g, "-"],
  [/\bmultiplied by\b|\btimes\b|乘以|乘/g, "*"],
  [/\bdivided by\b|除以/g, "/"],
  [/[×✕]|(?<=\d)\s*x\s*(?=\d)/g, "*"],
  [/÷/g, "/"],
  [/−/g, "-"],
];

/** An expression of at least one operator between numbers, parentheses allowed. */
const expression = /(?:\(\s*)*-?\d+(?:\.\d+)?(?:\s*\)*\s*[-+*/%]\s*(?:\(\s*)*-?\d+(?:\.\d+)?)+(?:\s*\))*/;

/** The first sum in a text as written with signs, or `undefined`. Reads the first 500 units. */
export function findExpression(text: string): string | undefined {
  let plain = text.slice(0, 500);
  for (const [pattern, sign] of spoken) plain = plain.replace(pattern, sign);
  // A date or a phone number is no sum.
  const found = expression.exec(plain.replace(/\d{4}-\d{2}-\d{2}/g, " "))?.[0];
  return found?.trim();
}

/** The value, or `undefined` where the expression is not well formed. No code is ever run. */
export function evaluate(source: string): number | undefined {
  const tokens = source.match(/\d+(?:\.\d+)?|[-+*/%()]/g) ?? [];
  const parser = new SumParser(tokens);
  const value = parser.sum();
  return parser.done && Number.isFinite(value) ? Number(value.toPrecision(12)) : undefined;
}

/** Recursive descent; anything malformed becomes NaN. */
class SumParser {
  private readonly tokens: readonly string[];
  private at = 0;
  private depth = 0;

  constructor(tokens: readonly string[]) {
    this.tokens = tokens;
  }

  get done(): boolean {
    return this.at === this.tokens.length;
  }

  sum(): number {
    let value = this.product();
    for (let sign = this.take("+-"); sign !== ""; sign = this.take("+-")) {
      value = sign === "+" ? value + this.product() : value - this.product();
    }
    return value;
  }

  private product(): number {
    let value = this.atom();
    for (let sign = this.take("*/%"); sign !== ""; sign = this.take("*/%")) {
      const right = this.atom();
      if (sign === "*") value *= right;
      else value = sign === "/" ? value / right : value % right;
    }
    return value;
  }

  private atom(): number {
    if (this.take("-") !== "") return -this.atom();
    if (this.take("(") === "") return Number(this.tokens[this.at++] ?? "?");
    this.depth += 1;
    const value = this.depth > 50 ? Number.NaN : this.sum();
    this.depth -= 1;
    return this.take(")") === "" ? Number.NaN : value;
  }

  private take(signs: string): string {
    const token = this.tokens[this.at];
    if (token === undefined || !signs.includes(token)) return "";
    this.at += 1;
    return token;
  }
}

/** Longest text that is read for variables, in UTF-16 units. */
const longestAlgebra = 400;

/**
 * The sum a message asks for in letters that earlier messages gave values to: "let x = 10", "y = x + 5", "what is x + y?".
 * `said` ends with the question.
 */
export function evaluateLetters(said: readonly string[]): { expression: string; value: number } | undefined {
  const asked = said.at(-1) ?? "";
  if (asked.length > longestAlgebra) return undefined;
  const values = new Map<string, number>();
  for (const text of said) {
    if (text.length > longestAlgebra) continue;
    for (const [, letter = "", source = ""] of text.matchAll(/\b([A-Za-z])\s*=\s*([^=,.;:?!，。\n]+)/g)) {
      const value = evaluate(withValues(source, values));
      if (value !== undefined) values.set(letter, value);
    }
  }
  const found = /(?<![\w'’])[A-Za-z\d](?:\s*[-+*/]\s*\(?[A-Za-z\d]+\)?)+(?!\w)/.exec(asked)?.[0];
  if (found === undefined || !/[A-Za-z]/.test(found) || /[A-Za-z]{2}/.test(found)) return undefined;
  const value = evaluate(withValues(found, values));
  return value === undefined ? undefined : { expression: found, value };
}

/** Letters replaced by their values; an unknown one leaves the text malformed. */
function withValues(source: string, values: ReadonlyMap<string, number>): string {
  return source.replace(/[A-Za-z]+/g, (name) => (values.has(name) ? `(${values.get(name)})` : "(?"));
}
