import { textPieces, type LongText } from "../long-text.ts";
import type { Steps } from "../time-slices.ts";
import { ByteString } from "./byte-string.ts";
import { JsonFault, parsed, type JsonBounds } from "./fault.ts";

type Expected = "value" | "value-or-end" | "key" | "key-or-end" | "colon" | "next" | "end";
type Container = unknown[] | Record<string, unknown>;

/** Bytes, and values, that are read in one step: less than a millisecond. */
const stepBytes = 65_536;
const stepValues = 1_000;
/** Of a number. */
const maxWordBytes = 65_536;
/** Of the name of a member: as a property it is copied at once, however long it is. */
const maxKeyUnits = 65_536;

const quote = 0x22;

/**
 * The value of JSON in valid UTF-8, the same as that of `JSON.parse`, but for strings beyond the bound, which become a `LongText`.
 * In steps of about a millisecond; a string of megabytes takes some more. Bounds are checked on the way, so that nothing beyond
 * them is built. Throws `JsonFault`. A longer number than 65,536 characters is a fault of syntax, a longer name of a member one
 * of its own kind.
 */
export function* parseJsonSteps(bytes: Buffer, bounds: JsonBounds): Steps<unknown> {
  const parser = new ByteParser(bytes, bounds);
  while (!parser.advance()) yield;
  return parser.root;
}

/** Objects and arrays are made here, their keys and scalar values by `JSON.parse`, wherever a string is not plain. */
class ByteParser {
  // fixed at birth
  private readonly bytes: Buffer;
  private readonly bounds: JsonBounds;
  // changed by events
  /** The whole value, once it has begun. */
  root: unknown;
  /** Where reading goes on. */
  private at = 0;
  private expected: Expected = "value";
  /** What is open, innermost last. */
  private readonly open: Container[] = [];
  /** The keys whose values are being read, one for each open object that waits for a value. */
  private readonly keys: string[] = [];
  /** Values begun so far. */
  private count = 0;
  /** The string that is being read. */
  private string: ByteString | undefined;

  constructor(bytes: Buffer, bounds: JsonBounds) {
    this.bytes = bytes;
    this.bounds = bounds;
  }

  /** One step; true when the text is over. */
  advance(): boolean {
    const { bytes } = this;
    const until = this.at + stepBytes;
    const most = this.count + stepValues;
    while (this.at < bytes.length) {
      if (this.string !== undefined) this.inString(this.string);
      else this.token(bytes[this.at] ?? 0);
      if (this.string !== undefined || this.at >= until || this.count >= most) break;
    }
    if (this.at < bytes.length) return false;
    if (this.expected !== "end") throw new JsonFault("syntax");
    return true;
  }

  private token(byte: number): void {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
      this.at += 1;
      return;
    }
    if (byte === 0x2c) this.comma();
    else if (byte === 0x3a) this.colon();
    else if (byte === 0x7d || byte === 0x5d) this.close(byte);
    else if (byte === quote) this.beginString();
    else {
      if (this.expected !== "value" && this.expected !== "value-or-end") throw new JsonFault("syntax");
      if (byte === 0x7b) this.begin({}, "key-or-end");
      else if (byte === 0x5b) this.begin([], "value-or-end");
      else this.word();
    }
  }

  private comma(): void {
    if (this.expected !== "next") throw new JsonFault("syntax");
    this.expected = Array.isArray(this.open.at(-1)) ? "value" : "key";
    this.at += 1;
  }

  private colon(): void {
    if (this.expected !== "colon") throw new JsonFault("syntax");
    this.expected = "value";
    this.at += 1;
  }

  private begin(container: Container, expected: Expected): void {
    this.place(container);
    if (this.open.push(container) > this.bounds.depth) throw new JsonFault("depth");
    this.expected = expected;
    this.at += 1;
  }

  private close(byte: number): void {
    const isArray = byte === 0x5d;
    const allowed = this.expected === "next" || this.expected === (isArray ? "value-or-end" : "key-or-end");
    if (!allowed || this.open.length === 0 || Array.isArray(this.open.at(-1)) !== isArray)
      throw new JsonFault("syntax");
    this.open.pop();
    this.expected = this.open.length === 0 ? "end" : "next";
    this.at += 1;
  }

  private beginString(): void {
    const { expected } = this;
    if (expected === "colon" || expected === "next" || expected === "end") throw new JsonFault("syntax");
    this.string = new ByteString(this.bytes, this.at + 1, this.bounds.stringUnits);
    this.inString(this.string);
  }

  private inString(string: ByteString): void {
    const over = string.advance();
    this.at = string.at;
    if (over) this.endString(string.value);
  }

  private endString(text: string | LongText): void {
    this.string = undefined;
    if (this.expected !== "key" && this.expected !== "key-or-end") {
      this.place(text);
      return this.ended();
    }
    if (typeof text !== "string" || text.length > maxKeyUnits) throw new JsonFault("key");
    this.keys.push(text);
    this.expected = "colon";
  }

  /** A number, `true`, `false` or `null`. */
  private word(): void {
    const { bytes, at } = this;
    let end = at;
    while (end < bytes.length && isWordByte(bytes[end] ?? 0)) end += 1;
    if (end === at || end - at > maxWordBytes) throw new JsonFault("syntax");
    this.place(parsed(bytes.toString("latin1", at, end)));
    this.at = end;
    this.ended();
  }

  private ended(): void {
    this.expected = this.open.length === 0 ? "end" : "next";
  }

  /** Puts a value where it belongs. */
  private place(value: unknown): void {
    this.count += 1;
    if (this.count > this.bounds.values) throw new JsonFault("values");
    const parent = this.open.at(-1);
    if (parent === undefined) this.root = value;
    else if (Array.isArray(parent)) parent.push(value);
    else setOwn(parent, this.keys.pop() ?? "", value);
  }
}

/** `JSON.parse` makes `__proto__` a property like any other. */
function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") object[key] = value;
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** Letters, digits and the signs of numbers. */
function isWordByte(byte: number): boolean {
  const letter = byte | 0x20;
  return (
    (letter >= 0x61 && letter <= 0x7a) ||
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e
  );
}

/** Up to here `JSON.parse` reads a text at once: it takes a few milliseconds, whatever it holds. */
const smallUnits = 256 * 1024;

/** The value of a JSON text of our own making, such as a stored one, in steps; `undefined` where it is none. No bounds. */
export function* parseTextSteps(text: string): Steps<unknown> {
  try {
    if (text.length <= smallUnits) return JSON.parse(text) as unknown;
    return yield* parseJsonSteps(yield* bytesOf(text), { depth: Infinity, values: Infinity, stringUnits: Infinity });
  } catch (thrown) {
    if (thrown instanceof SyntaxError || thrown instanceof JsonFault) return undefined;
    throw thrown;
  }
}

/** UTF-8 in steps. */
function* bytesOf(text: string): Steps<Buffer> {
  const bytes = Buffer.allocUnsafe(Buffer.byteLength(text));
  let at = 0;
  for (const piece of textPieces(text, smallUnits)) {
    at += bytes.write(piece, at);
    yield;
  }
  return bytes;
}
