import { isObject, parseJson } from "../../model/json.ts";

const opening = /^\s*\{\s*"input"\s*:\s*"/;
/** What may still become an opening. */
const openingSoFar = /^\s*(\{\s*("(i(n(p(u(t("\s*(:\s*)?)?)?)?)?)?)?)?)?$/;
const highSurrogate = /^\\u[dD][89abAB]/;
const lowSurrogate = /^\\u[dD][c-fC-F]/;
/** The beginning of a second escape, or nothing yet. */
const escapeSoFar = /^(\\(u[0-9a-fA-F]{0,3})?)?$/;
const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/**
 * Reads the one string of a custom tool's arguments, `{"input": "..."}`, while it is being written. Push in JSON text in
 * any pieces; each `feed` gives the part of the string that is certain by now.
 */
export class CustomInput {
  // changed by events
  private state: "before" | "inside" | "after" | "other" = "before";
  /** Text that cannot be decoded yet: a piece of the opening, of an escape or of a surrogate pair. */
  private held = "";
  private given = "";

  /** Whether the arguments have the expected form, as far as seen. */
  get matched(): boolean {
    return this.state === "inside" || this.state === "after";
  }

  feed(args: string): string {
    let text = this.held + args;
    this.held = "";
    if (this.state === "before") {
      const match = opening.exec(text);
      if (match === null) {
        if (openingSoFar.test(text)) this.held = text;
        else this.state = "other";
        return "";
      }
      this.state = "inside";
      text = text.slice(match[0].length);
    }
    if (this.state !== "inside") return "";
    const decoded = this.decode(text);
    this.given += decoded;
    return decoded;
  }

  /** What is still to be given of the whole input; empty when it does not go on from what was given. */
  rest(input: string): string {
    return input.startsWith(this.given) ? input.slice(this.given.length) : "";
  }

  private decode(text: string): string {
    let decoded = "";
    let at = 0;
    while (at < text.length) {
      const next = nextSpecial(text, at);
      decoded += text.slice(at, next);
      at = next;
      if (text[at] === '"') {
        this.state = "after";
        return decoded;
      }
      const length = escapeLength(text, at);
      if (length === 0) {
        this.held = text.slice(at);
        return decoded;
      }
      decoded += unescape(text.slice(at, at + length));
      at += length;
    }
    return decoded;
  }
}

function nextSpecial(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22 || code === 0x5c) return at;
  }
  return text.length;
}

/** Characters of the escape at a position, a pair of surrogate escapes counted as one; 0 while it is not whole. */
function escapeLength(text: string, at: number): number {
  if (text[at + 1] === undefined) return 0;
  if (text[at + 1] !== "u") return 2;
  if (text.length < at + 6) return 0;
  if (!highSurrogate.test(text.slice(at, at + 6))) return 6;
  const second = text.slice(at + 6, at + 12);
  if (escapeSoFar.test(second)) return 0;
  return lowSurrogate.test(second) ? 12 : 6;
}

function unescape(escape: string): string {
  if (escape[1] !== "u") return escapes[escape[1] ?? ""] ?? escape[1] ?? "";
  return String.fromCharCode(
    ...escape
      .split("\\u")
      .slice(1)
      .map((code) => Number.parseInt(code, 16)),
  );
}

/** The text a custom tool is called with: the one string of its arguments, or the arguments as they are. */
export function customInput(args: string): string {
  const value = parseJson(args);
  if (isObject(value) && typeof value["input"] === "string") return value["input"];
  const reader = new CustomInput();
  const input = reader.feed(args);
  return reader.matched ? input : args;
}
