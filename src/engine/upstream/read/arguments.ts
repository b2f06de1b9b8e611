import { isObject, parseJson } from "../../../model/json.ts";
import { jsonWords } from "../../markup/json-text.ts";

const number = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const space = /[ \t\n\r]/;
const wordPart = /[\w+.-]/;
const shortEscapes: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\f": "\\f",
};

type Expect = "value" | "value-or-end" | "key" | "key-or-end" | "colon" | "comma-or-end";

/**
 * The arguments of one call, in pieces of any size: JSON in, valid JSON of an object out as early as it is certain.
 * Repairs what has one meaning only: control characters inside strings, a comma before a closing bracket, Python's
 * words, missing closing brackets after a finished value, text after the object, an object inside a JSON string,
 * nothing at all. Everything else is broken.
 */
export class ArgumentText {
  // changed by events
  private mode: "start" | "object" | "done" | "other" | "broken" = "start";
  private expect: Expect = "value";
  private readonly open: string[] = [];
  /** A string is open: of a key or a value. */
  private string: "key" | "value" | "" = "";
  /** Characters of an escape sequence still to come; -1: its kind is still to come. */
  private escape = 0;
  private word = "";
  /** A comma and the space after it, until it is certain that something follows. */
  private comma = "";
  private held = "";
  /** Whether something had to be repaired. */
  repaired = false;

  /** The object is closed. */
  get complete(): boolean {
    return this.mode === "done";
  }

  get broken(): boolean {
    return this.mode === "broken";
  }

  /** Takes a piece; what is certain of it. */
  feed(piece: string): string {
    let out = "";
    for (let at = 0; at < piece.length;) {
      if (this.mode === "broken") return out;
      if (this.mode === "other") {
        this.held += piece.slice(at);
        return out;
      }
      const end = this.string === "" || this.escape !== 0 ? at + 1 : plainEnd(piece, at);
      out += end > at + 1 ? piece.slice(at, end) : this.one(piece.charAt(at));
      at = end;
    }
    return out;
  }

  /** The text is over: what still has to be said, or `undefined` when the arguments are broken. */
  end(): string | undefined {
    if (this.mode === "done") return "";
    if (this.mode === "start" || this.mode === "other") return this.unwrap();
    if (this.mode === "broken" || this.string !== "" || this.comma !== "") return undefined;
    // A number at the very end may have lost digits.
    if (this.word !== "" && jsonWords[this.word] === undefined) return undefined;
    const last = this.word === "" ? "" : this.endWord();
    if (this.expect !== "comma-or-end") return undefined;
    this.repaired = true;
    this.mode = "done";
    return last + this.open.toReversed().join("");
  }

  private one(char: string): string {
    if (this.mode === "start") return this.begin(char);
    if (this.mode === "done") return this.after(char);
    if (this.escape !== 0) return this.escaped(char);
    if (this.string !== "") return this.inString(char);
    if (this.word !== "" && !wordPart.test(char)) {
      const word = this.endWord();
      return this.broken ? "" : word + this.structure(char);
    }
    return this.structure(char);
  }

  private begin(char: string): string {
    if (space.test(char)) return "";
    if (char !== "{") {
      this.mode = "other";
      this.held = char;
      return "";
    }
    this.mode = "object";
    this.open.push("}");
    this.expect = "key-or-end";
    return char;
  }

  private after(char: string): string {
    if (!space.test(char)) this.repaired = true;
    return "";
  }

  private inString(char: string): string {
    if (char === '"') {
      this.expect = this.string === "key" ? "colon" : "comma-or-end";
      this.string = "";
      return char;
    }
    if (char === "\\") {
      this.escape = -1;
      return char;
    }
    if (char >= " ") return char;
    this.repaired = true;
    return shortEscapes[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  }

  private escaped(char: string): string {
    if (this.escape === -1) {
      if (char === "u") this.escape = 4;
      else if ('"\\/bfnrt'.includes(char)) this.escape = 0;
      else return this.fail();
      return char;
    }
    if (!/[\da-fA-F]/.test(char)) return this.fail();
    this.escape -= 1;
    return char;
  }

  /** A character outside strings. */
  private structure(char: string): string {
    if (space.test(char)) {
      if (this.comma === "") return char;
      this.comma += char;
      return "";
    }
    if (char === "}" || char === "]") return this.close(char);
    if (char === "," && this.expect === "comma-or-end" && this.comma === "") {
      this.comma = char;
      return "";
    }
    if (this.comma !== "") {
      this.expect = this.open.at(-1) === "}" ? "key" : "value";
      const comma = this.comma;
      this.comma = "";
      return comma + this.structure(char);
    }
    if (char === ":" && this.expect === "colon") {
      this.expect = "value";
      return char;
    }
    return this.opening(char);
  }

  private opening(char: string): string {
    const key = this.expect === "key" || this.expect === "key-or-end";
    const value = this.expect === "value" || this.expect === "value-or-end";
    if (char === '"' && (key || value)) {
      this.string = key ? "key" : "value";
      return char;
    }
    if (!value) return this.fail();
    if (char === "{" || char === "[") {
      this.open.push(char === "{" ? "}" : "]");
      this.expect = char === "{" ? "key-or-end" : "value-or-end";
      return char;
    }
    if (!wordPart.test(char)) return this.fail();
    this.word += char;
    return "";
  }

  private close(char: string): string {
    const allowed = this.expect === "comma-or-end" || this.expect === "key-or-end" || this.expect === "value-or-end";
    if (!allowed || this.open.at(-1) !== char) return this.fail();
    if (this.comma !== "") {
      this.repaired = true;
      this.comma = "";
    }
    this.open.pop();
    this.expect = "comma-or-end";
    if (this.open.length === 0) this.mode = "done";
    return char;
  }

  private endWord(): string {
    const word = this.word;
    this.word = "";
    const meant = number.test(word) ? word : jsonWords[word];
    if (meant === undefined) return this.fail();
    if (meant !== word) this.repaired = true;
    this.expect = "comma-or-end";
    return meant;
  }

  /** What did not begin as an object: nothing, `null`, or an object inside a JSON string. */
  private unwrap(): string | undefined {
    this.repaired = true;
    const held = this.held.trim();
    if (held === "" || held === "null" || held === '""') return "{}";
    const once = parseJson(held);
    if (typeof once !== "string") return undefined;
    return isObject(parseJson(once)) ? once.trim() : undefined;
  }

  private fail(): string {
    this.mode = "broken";
    return "";
  }
}

/** End of the run of characters that need no look inside a string; at least one character. */
function plainEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 34 || code === 92 || code < 32) break;
  }
  return Math.max(at, from + 1);
}
