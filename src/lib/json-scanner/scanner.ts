import { escapeLength, notAnEscape, plainEnd, readEscape, unfinished } from "./string.ts";

/** What a scanner reports, piece by piece. Everything reported is valid JSON text, also where the source was not. */
export interface JsonSink {
  /** One of `{ } [ ] : ,`. A comma is reported together with what follows it, so never before a closing bracket. */
  sign(sign: string): void;
  /** A part of a string: `"` where it begins and where it ends, between them characters and whole escapes. */
  string(json: string, part: "key" | "value"): void;
  /** A number, `true`, `false` or `null`. */
  word(json: string): void;
  /** White space between tokens. */
  space(text: string): void;
}

type Expected = "value" | "value-or-end" | "key" | "key-or-end" | "colon" | "next";

/** Words of JSON, and Python's for the same. */
const words: ReadonlyMap<string, string> = new Map([
  ["true", "true"],
  ["false", "false"],
  ["null", "null"],
  ["True", "true"],
  ["False", "false"],
  ["None", "null"],
]);
const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const wordPart = /[\w+.-]/;
const otherSpace = /\s/;

/**
 * Scans one JSON value that arrives in pieces of any size; any cutting gives the same reports after joining parts of
 * strings and spaces. Linear, append-only, no recursion. Slips of models that have one meaning are mended: control
 * characters in strings, backslashes that begin no escape (`\d` becomes `\\d`), a comma before a closing bracket,
 * Python's `True`, `False` and `None`, white space that JSON does not know. Anything else breaks it.
 */
export class JsonScanner {
  // fixed at birth
  private readonly sink: JsonSink;
  // changed by events
  /** `done`: the value is complete; `broken`: the text is not JSON. Nothing more is read then. */
  state: "open" | "done" | "broken" = "open";
  /** Whether something was mended. */
  mended = false;
  /** The string that is open now. */
  string: "" | "key" | "value" = "";
  /** The brackets that close what is open, innermost last. */
  private readonly stack: string[] = [];
  private expected: Expected = "value";
  /** The beginning of an escape whose rest is still to come. */
  private escape = "";
  /** The beginning of a number or word that may go on. */
  private word = "";
  /** A comma and the white space behind it, until it is certain that something follows. */
  private comma = "";

  constructor(sink: JsonSink) {
    this.sink = sink;
  }

  /** Whether the text may end here but for closing brackets: behind a value, with nothing begun. */
  get afterValue(): boolean {
    return this.expected === "next" && this.comma === "" && this.word === "" && this.string === "";
  }

  /** The brackets that are still missing. */
  get missing(): string {
    return this.stack.toReversed().join("");
  }

  /** Reads from `at`; returns where it stopped: the end of the text or of the value. */
  feed(text: string, at = 0): number {
    let position = at;
    while (position < text.length && this.state === "open") {
      if (this.string !== "") position = this.inString(text, position);
      else if (this.word !== "") position = this.inWord(text, position);
      else position = this.between(text, position);
    }
    return position;
  }

  /** The text is over: reports a last word. False where it might have gone on, as every number might. */
  end(): boolean {
    if (this.word === "") return true;
    if (!words.has(this.word)) return false;
    this.endWord();
    return true;
  }

  private inString(text: string, at: number): number {
    if (this.escape !== "") return this.inEscape(text, at);
    const end = plainEnd(text, at);
    if (end > at) this.report(text.slice(at, end));
    if (end === text.length) return end;
    const char = text.charAt(end);
    if (char === '"') this.endString();
    else if (char === "\\") return this.escapeAt(text, end);
    else {
      this.mended = true;
      this.report(JSON.stringify(char).slice(1, -1));
    }
    return end + 1;
  }

  private escapeAt(text: string, at: number): number {
    const unit = readEscape(text, at);
    if (unit === unfinished) {
      this.escape = text.slice(at);
      return text.length;
    }
    if (unit === notAnEscape) {
      this.loneBackslash();
      return at + 1;
    }
    const end = at + escapeLength(text, at);
    this.report(text.slice(at, end));
    return end;
  }

  private inEscape(text: string, at: number): number {
    const begun = this.escape;
    const escape = begun + text.slice(at, at + 6 - begun.length);
    const unit = readEscape(escape, 0);
    if (unit === unfinished) {
      this.escape = escape;
      return text.length;
    }
    this.escape = "";
    if (unit === notAnEscape) {
      this.loneBackslash();
      if (begun.length > 1) this.report(begun.slice(1));
      return at;
    }
    const length = escapeLength(escape, 0);
    this.report(escape.slice(0, length));
    return at + length - begun.length;
  }

  private loneBackslash(): void {
    this.mended = true;
    this.report("\\\\");
  }

  private endString(): void {
    this.report('"');
    const key = this.string === "key";
    this.string = "";
    if (key) this.expected = "colon";
    else this.endValue();
  }

  private report(json: string): void {
    if (this.string !== "") this.sink.string(json, this.string);
  }

  private inWord(text: string, at: number): number {
    let end = at;
    while (end < text.length && wordPart.test(text.charAt(end))) end += 1;
    this.word += text.slice(at, end);
    if (end < text.length) this.endWord();
    return end;
  }

  private endWord(): void {
    const { word } = this;
    this.word = "";
    const meant = number.test(word) ? word : words.get(word);
    if (meant === undefined) return this.fail();
    if (meant !== word) this.mended = true;
    this.sink.word(meant);
    this.endValue();
  }

  private between(text: string, at: number): number {
    const char = text.charAt(at);
    const code = text.charCodeAt(at);
    if (code === 0x20 || (code >= 0x09 && code <= 0x0d) || (code >= 0x80 && otherSpace.test(char))) {
      this.space(char);
    } else if (char === "}" || char === "]") this.close(char);
    else if (char === "," && this.expected === "next" && this.comma === "") this.comma = char;
    else {
      if (this.comma !== "") this.flushComma();
      if (!this.begin(char)) this.fail();
    }
    return at + 1;
  }

  private space(char: string): void {
    const known = " \t\n\r".includes(char);
    if (!known) this.mended = true;
    const space = known ? char : " ";
    if (this.comma === "") this.sink.space(space);
    else this.comma += space;
  }

  private flushComma(): void {
    const space = this.comma.slice(1);
    this.comma = "";
    this.expected = this.stack.at(-1) === "}" ? "key" : "value";
    this.sink.sign(",");
    if (space !== "") this.sink.space(space);
  }

  private close(char: string): void {
    const allowed = ["next", "key-or-end", "value-or-end"].includes(this.expected);
    if (!allowed || this.stack.at(-1) !== char) return this.fail();
    if (this.comma !== "") this.mended = true;
    this.comma = "";
    this.stack.pop();
    this.sink.sign(char);
    this.endValue();
  }

  /** A token's first character; false where none may begin with it here. */
  private begin(char: string): boolean {
    const { expected } = this;
    if (expected === "colon") {
      if (char !== ":") return false;
      this.expected = "value";
      this.sink.sign(char);
      return true;
    }
    const key = expected === "key" || expected === "key-or-end";
    if (char === '"' && expected !== "next") {
      this.string = key ? "key" : "value";
      this.report(char);
      return true;
    }
    return !key && expected !== "next" && this.beginValue(char);
  }

  private beginValue(char: string): boolean {
    if (char === "{" || char === "[") {
      this.stack.push(char === "{" ? "}" : "]");
      this.expected = char === "{" ? "key-or-end" : "value-or-end";
      this.sink.sign(char);
      return true;
    }
    if (!wordPart.test(char)) return false;
    this.word = char;
    return true;
  }

  private endValue(): void {
    this.expected = "next";
    if (this.stack.length === 0) this.state = "done";
  }

  private fail(): void {
    this.state = "broken";
  }
}
