import { JsonScanner } from "../../lib/json-scanner/scanner.ts";
import { isObject, parseJson } from "../../model/json.ts";

/**
 * Reads the one string of a custom tool's arguments, `{"input": "..."}`, while it is being written. Push in JSON text in
 * any pieces; each `feed` gives the part of the string that is certain by now, and never half a character.
 */
export class CustomInput {
  // fixed at birth
  private readonly scanner: JsonScanner;
  // changed by events
  /** Where the scanner stands: before the string, in it, behind it, or in arguments of another form. */
  private state: "start" | "before" | "inside" | "after" | "other" = "start";
  /** The arguments' first key, as JSON text. */
  private key = "";
  /** Input of the text being fed, as JSON text. */
  private json = "";
  /** A high surrogate whose other half has not come yet. */
  private half = "";
  /** All input that `feed` returned. */
  private given = "";

  constructor() {
    this.scanner = new JsonScanner({
      sign: (sign) => this.sign(sign),
      string: (json, part) => (part === "key" ? (this.key += json) : this.string(json)),
      word: () => this.otherwise(),
      space: () => undefined,
    });
  }

  /** Whether the arguments have the expected form, as far as seen. */
  get matched(): boolean {
    return this.state === "inside" || this.state === "after";
  }

  feed(args: string): string {
    if (this.state === "after" || this.state === "other") return "";
    this.scanner.feed(args);
    const decoded = parseJson(`"${this.json}"`);
    const text = this.half + (typeof decoded === "string" ? decoded : "");
    this.json = "";
    const cut = (text.charCodeAt(text.length - 1) & 0xfc00) === 0xd800 && this.state === "inside" ? 1 : 0;
    const whole = text.slice(0, text.length - cut);
    this.half = text.slice(whole.length);
    this.given += whole;
    return whole;
  }

  /** What is still to be given of the whole input; empty when it does not go on from what was given. */
  rest(input: string): string {
    return input.startsWith(this.given) ? input.slice(this.given.length) : "";
  }

  private sign(sign: string): void {
    if (this.state === "start" && sign === "{") this.state = "before";
    else if (sign !== ":") this.otherwise();
  }

  private string(json: string): void {
    if (this.state === "inside") {
      if (json === '"') this.state = "after";
      else this.json += json;
    } else if (this.state === "before" && this.key === '"input"') this.state = "inside";
    else this.otherwise();
  }

  private otherwise(): void {
    if (!this.matched) this.state = "other";
  }
}

/** The text a custom tool is called with: the one string of its arguments, or the arguments as they are. */
export function customInput(args: string): string {
  const value = parseJson(args);
  if (isObject(value) && typeof value["input"] === "string") return value["input"];
  const reader = new CustomInput();
  const input = reader.feed(args);
  return reader.matched ? input : args;
}
