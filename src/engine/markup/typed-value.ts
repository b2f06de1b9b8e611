import type { TypeName } from "../../lib/json-schema/schema.ts";
import { isObject, parseJson } from "../../model/json.ts";
import type { ArgumentWriter } from "./argument-writer.ts";
import { JsonText, respaced } from "./json-text.ts";
import type { Shape } from "./shape.ts";

/**
 * One argument that stands as plain text in markup: becomes JSON by its schema. Where it is certainly a string it is
 * passed on as it comes; anything else waits until it is complete.
 */
export class TypedValue {
  // fixed at birth
  private readonly shape: Shape;
  private readonly writer: ArgumentWriter;
  // changed by events
  private text = "";
  private streaming = false;

  constructor(shape: Shape, writer: ArgumentWriter) {
    this.shape = shape;
    this.writer = writer;
  }

  feed(piece: string): void {
    if (piece === "") return;
    if (this.streaming) return this.writer.string(piece);
    this.text += piece;
    if (!this.shape.textOnly || "null".startsWith(this.text.toLowerCase())) return;
    this.streaming = true;
    this.writer.put('"');
    this.writer.string(this.text);
    this.text = "";
  }

  /** The closing tag came. */
  finish(): void {
    if (this.streaming) this.writer.quote();
    else this.writer.put(converted(this.text, this.shape));
  }

  /**
   * The text ended inside the value: writes what is certain of it and closes nothing. What may be the beginning of
   * something else (a number, a word of unknown type) is left out.
   */
  breakOff(): void {
    if (this.streaming || this.text === "") return;
    const { types } = this.shape;
    if (this.shape.textOnly) return this.writer.put(JSON.stringify(this.text).slice(0, -1));
    if (/^\s*[[{]/.test(this.text) && (types.size === 0 || types.has("object") || types.has("array"))) {
      const json = new JsonText();
      json.feed(this.text, 0);
      if (json.state !== "broken") this.writer.put(json.take());
    }
  }
}

/**
 * Text of a finished value as JSON text, by the rules of MiniMax-M2's tool_calling_guide.md (2026-03): `null` in any case is
 * null (of a strict tool only where the schema allows it); then by type; what fits none of its types stays a string. Digits
 * of integers are kept as they stand, however many.
 */
function converted(text: string, shape: Shape): string {
  const { types } = shape;
  const mayBeNull = !shape.strict || types.size === 0 || types.has("null");
  if (mayBeNull && (types.has("string") ? text : text.trim()).toLowerCase() === "null") return "null";
  if (types.size === 0) return respaced(text)?.trim() ?? JSON.stringify(text);
  const alone = [...types].filter((type) => type !== "null").length === 1;
  for (const type of order) {
    const json = types.has(type) ? byType[type](text, alone) : undefined;
    if (json !== undefined && (!types.has("string") || shape.takes(JSON.parse(json)))) return json;
  }
  return JSON.stringify(text);
}

/** In a union, the narrow types are tried before the wide ones. */
const order = ["integer", "number", "boolean", "object", "array"] as const;

type Conversion = (text: string, alone: boolean) => string | undefined;

const byType: Readonly<Record<Exclude<TypeName, "null" | "string">, Conversion>> = {
  integer: integral,
  number: (text) => {
    const whole = integral(text);
    if (whole !== undefined) return whole;
    const value = Number(text);
    return text.trim() !== "" && Number.isFinite(value) ? JSON.stringify(value) : undefined;
  },
  boolean: (text, alone) => {
    const word = text.trim().toLowerCase();
    if (alone) return word === "true" || word === "1" ? "true" : "false";
    return word === "true" || word === "false" ? word : undefined;
  },
  object: (text, alone) => structure(text, (value) => alone || isObject(value)),
  array: (text, alone) => structure(text, (value) => alone || Array.isArray(value)),
};

/** Integers, also written as floats: `3.0` is 3. */
function integral(text: string): string | undefined {
  const trimmed = text.trim();
  const digits = /^([+-]?)0*(\d+)(?:\.0*)?$/.exec(trimmed);
  if (digits !== null) return `${digits[1] === "-" && digits[2] !== "0" ? "-" : ""}${digits[2]}`;
  const value = /^[+-]?[\d.]+[eE][+-]?\d+$/.test(trimmed) ? Number(trimmed) : Number.NaN;
  return Number.isInteger(value) ? String(BigInt(value)) : undefined;
}

function structure(text: string, fits: (value: unknown) => boolean): string | undefined {
  const value = parseJson(text);
  return value !== undefined && fits(value) ? respaced(text)?.trim() : undefined;
}
