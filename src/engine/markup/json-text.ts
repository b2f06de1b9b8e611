import { JsonScanner } from "../../lib/json-scanner/scanner.ts";

/**
 * One JSON value, read in pieces of any size and written again in the style of Python's `json.dumps`: tokens are kept
 * as they stand (large numbers, key order), only white space changes. What the scanner mends arrives mended. A key is
 * written together with its value, so `close()` can end the text validly at any point.
 */
export class JsonText {
  // fixed at birth
  private readonly scanner: JsonScanner;
  // changed by events
  private out = "";
  /** Separator and key that go before the next value. */
  private prefix = "";
  /** The text was ended by `close`. */
  private closed = false;

  constructor() {
    this.scanner = new JsonScanner({
      sign: (sign) => this.sign(sign),
      string: (json, part) => (part === "key" ? (this.prefix += json) : this.write(json)),
      word: (json) => this.write(json),
      space: () => undefined,
    });
  }

  /** `done`: the value is complete; `broken`: it is not JSON. */
  get state(): "open" | "done" | "broken" {
    return this.closed ? "done" : this.scanner.state;
  }

  /** Reads from `at`; returns where it stopped: the end of the text, or of the value. */
  feed(text: string, at: number): number {
    return this.closed ? at : this.scanner.feed(text, at);
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
    const { string } = this.scanner;
    if (this.scanner.end() && string === "value") this.out += '"';
    this.out += this.scanner.missing;
    this.closed = true;
  }

  private sign(sign: string): void {
    if (sign === ",") this.prefix = ", ";
    else if (sign === ":") this.prefix += ": ";
    else this.write(sign);
  }

  private write(json: string): void {
    this.out += this.prefix + json;
    this.prefix = "";
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
