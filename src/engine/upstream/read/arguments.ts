import { JsonScanner } from "../../../lib/json-scanner/scanner.ts";
import { isObject, parseJson } from "../../../model/json.ts";

/**
 * The arguments of one call, in pieces of any size: JSON in, valid JSON of an object out as early as it is certain.
 * Repairs what has one meaning only: what the scanner mends, missing closing brackets after a finished value, text after
 * the object, an object inside a JSON string, nothing at all. Everything else is broken.
 */
export class ArgumentText {
  // fixed at birth
  private readonly scanner: JsonScanner;
  // changed by events
  /** The scanner's output of the piece being fed. */
  private out = "";
  /** `start`: only white space so far; `other`: it did not begin as an object. */
  private form: "start" | "object" | "other" = "start";
  /** All of the text that did not begin as an object. */
  private held = "";
  /** Something was repaired other than by the scanner. */
  private completed = false;

  constructor() {
    const put = (json: string): void => void (this.out += json);
    this.scanner = new JsonScanner({ sign: put, string: put, word: put, space: put });
  }

  /** Whether something had to be repaired. */
  get repaired(): boolean {
    return this.completed || this.scanner.mended;
  }

  /** The object is closed. */
  get complete(): boolean {
    return this.scanner.state === "done";
  }

  get broken(): boolean {
    return this.scanner.state === "broken";
  }

  /** Takes a piece; returns what is certain of it. */
  feed(piece: string): string {
    let text = piece;
    if (this.form === "start") {
      text = piece.trimStart();
      if (text === "") return "";
      this.form = text.startsWith("{") ? "object" : "other";
    }
    if (this.form === "other") {
      this.held += text;
      return "";
    }
    const end = this.scanner.feed(text);
    if (this.complete && text.slice(end).trim() !== "") this.completed = true;
    const certain = this.out;
    this.out = "";
    return certain;
  }

  /** The text is over: what is still missing, or `undefined` when the arguments are broken. */
  end(): string | undefined {
    if (this.form !== "object") return this.unwrap();
    if (this.complete) return "";
    if (this.broken || !this.scanner.end() || !this.scanner.afterValue) return undefined;
    this.completed = true;
    return this.out + this.scanner.missing;
  }

  /** What did not begin as an object: nothing, `null`, or an object inside a JSON string. */
  private unwrap(): string | undefined {
    this.completed = true;
    const held = this.held.trim();
    if (held === "" || held === "null" || held === '""') return "{}";
    const once = parseJson(held);
    if (typeof once !== "string") return undefined;
    return isObject(parseJson(once)) ? once.trim() : undefined;
  }
}
