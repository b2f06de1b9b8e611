/** Words of JSON, and what Python says for them. */
export const jsonWords: Readonly<Record<string, string>> = {
  true: "true",
  false: "false",
  null: "null",
  True: "true",
  False: "false",
  None: "null",
};
const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const space = /\s/;

/**
 * One JSON value, read in pieces of any size and written again in the style of Python's `json.dumps`: tokens are kept
 * as they stand (large numbers, key order), only white space changes. Small slips of models are mended: raw control
 * characters in strings, unknown escapes, trailing commas, Python's `True`, `False`, `None`. A key is written together
 * with its value, so `close()` can end the text validly at any point.
 */
export class JsonText {
  // changed by events
  state: "open" | "done" | "broken" = "open";
  private out = "";
  private readonly stack: ("}" | "]")[] = [];
  private expect: "value" | "key" | "colon" | "next" = "value";
  /** Separator and key that go before the next value. */
  private prefix = "";
  private inside: "" | "string" | "key" | "scalar" = "";
  private escape = "";
  private scalar = "";

  /** Reads from `at`; returns where it stopped: the end of the text, or of the value. */
  feed(text: string, at: number): number {
    let position = at;
    while (position < text.length && this.state === "open") position = this.step(text, position);
    return position;
  }

  /** What was written since the last take. */
  take(): string {
    const taken = this.out;
    this.out = "";
    return taken;
  }

  /**
   * The text ended here: a string ends where it was cut, objects and arrays are closed; a number that may go on, and a
   * key without its value, are left out.
   */
  close(): void {
    if (this.state === "done") return;
    if (this.inside === "string") this.out += '"';
    const known = jsonWords[this.scalar];
    if (this.inside === "scalar" && known !== undefined) this.out += this.prefix + known;
    this.out += this.stack.toReversed().join("");
    this.stack.length = 0;
    this.state = "done";
  }

  private step(text: string, at: number): number {
    if (this.inside === "scalar") return this.inScalar(text, at);
    if (this.inside !== "") return this.escape === "" ? this.inString(text, at) : this.inEscape(text, at);
    const character = text.charAt(at);
    if (!space.test(character)) this.token(character);
    return at + 1;
  }

  private token(character: string): void {
    if (this.expect === "colon") {
      if (character !== ":") return this.fail();
      this.prefix += ": ";
      this.expect = "value";
    } else if (character === this.stack.at(-1) && !this.prefix.endsWith(": ")) this.pop();
    else if (this.expect === "next") {
      if (character !== ",") return this.fail();
      this.prefix = ", ";
      this.expect = this.stack.at(-1) === "}" ? "key" : "value";
    } else if (this.expect === "key") {
      if (character !== '"') return this.fail();
      this.prefix += '"';
      this.inside = "key";
    } else this.value(character);
  }

  private value(character: string): void {
    if (character === "{" || character === "[") {
      this.write(character);
      this.stack.push(character === "{" ? "}" : "]");
      this.expect = character === "{" ? "key" : "value";
    } else if (character === '"') {
      this.write('"');
      this.inside = "string";
    } else if (/[\w+.-]/.test(character)) {
      this.inside = "scalar";
      this.scalar = character;
    } else this.fail();
  }

  private inString(text: string, at: number): number {
    let end = at;
    for (; end < text.length; end++) {
      const code = text.charCodeAt(end);
      if (code === 34 || code === 92 || code < 32) break;
    }
    this.append(text.slice(at, end));
    if (end === text.length) return end;
    const character = text.charAt(end);
    if (character === "\\") this.escape = "\\";
    else if (character !== '"') this.append(JSON.stringify(character).slice(1, -1));
    else {
      this.append('"');
      if (this.inside === "key") this.expect = "colon";
      else this.ended();
      this.inside = "";
    }
    return end + 1;
  }

  private inEscape(text: string, at: number): number {
    const seen = this.escape + text.charAt(at);
    const unicode = seen.startsWith("\\u");
    if (unicode ? /^\\u[\da-fA-F]{0,4}$/.test(seen) : /^\\["\\/bfnrt]$/.test(seen)) {
      this.escape = seen;
      if (unicode && seen.length < 6) return at + 1;
      this.append(seen);
      this.escape = "";
      return at + 1;
    }
    // no escape of JSON: the model meant the backslash itself, and this character is read again as what it is
    this.append(`\\${this.escape}`);
    this.escape = "";
    return at;
  }

  private inScalar(text: string, at: number): number {
    let end = at;
    while (end < text.length && /[\w+.-]/.test(text.charAt(end))) end += 1;
    this.scalar += text.slice(at, end);
    if (end === text.length) return end;
    const known = jsonWords[this.scalar] ?? (number.test(this.scalar) ? this.scalar : undefined);
    this.scalar = "";
    this.inside = "";
    if (known === undefined) this.fail();
    else {
      this.write(known);
      this.ended();
    }
    return end;
  }

  private write(text: string): void {
    this.out += this.prefix + text;
    this.prefix = "";
  }

  private append(text: string): void {
    if (this.inside === "key") this.prefix += text;
    else this.out += text;
  }

  private pop(): void {
    this.prefix = "";
    this.out += this.stack.pop() ?? "";
    this.ended();
  }

  private ended(): void {
    this.expect = "next";
    if (this.stack.length === 0) this.state = "done";
  }

  private fail(): void {
    this.state = "broken";
  }
}

/** A whole JSON text in the style of `json.dumps`; `undefined` where it is not JSON. */
export function respaced(text: string): string | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  const json = new JsonText();
  json.feed(`${text} `, 0);
  return json.take();
}
