import { LongText, textPieces } from "../long-text.ts";
import type { Steps } from "../time-slices.ts";

export interface JsonOutput {
  /** Takes the text, piece by piece. */
  piece: (text: string) => unknown;
  /** Writes a value in its own way and returns true; the pieces of what stood before it are taken first. */
  replaced?: (value: object) => boolean;
}

/** Characters of one piece, about; a text up to this length comes as one piece. */
const pieceUnits = 64 * 1024;
/** Members and elements that are written in one step. */
const valuesPerStep = 500;

/** The text of a JSON value, the same as that of `JSON.stringify`, in steps of less than a millisecond or two. */
export function* jsonSteps(value: unknown, output: JsonOutput): Steps<void> {
  const writer = new JsonWriter(output);
  yield* writer.value(value);
  writer.flush();
}

/** The text itself, where it is needed as one. */
export function* jsonText(value: unknown): Steps<string> {
  let whole = "";
  yield* jsonSteps(value, { piece: (text) => (whole += text) });
  return whole;
}

class JsonWriter {
  // fixed at birth
  private readonly output: JsonOutput;
  // changed by events
  /** What is written and not yet taken. */
  private text = "";
  /** Values so far. */
  private count = 0;

  constructor(output: JsonOutput) {
    this.output = output;
  }

  flush(): void {
    if (this.text !== "") this.output.piece(this.text);
    this.text = "";
  }

  *value(value: unknown): Steps<void> {
    this.count += 1;
    if (this.count % valuesPerStep === 0) yield;
    if (typeof value === "string" && value.length > pieceUnits) yield* this.longString([value]);
    else if (value instanceof LongText) yield* this.longString(value.pieces());
    else if (typeof value !== "object" || value === null || "toJSON" in value) yield* this.other(value);
    else if (Array.isArray(value)) yield* this.array(value);
    else yield* this.object(value as Record<string, unknown>);
  }

  private *add(text: string): Steps<void> {
    this.text += text;
    if (this.text.length < pieceUnits) return;
    this.flush();
    yield;
  }

  private *other(value: unknown): Steps<void> {
    if (typeof value === "object" && value !== null && this.output.replaced !== undefined) {
      this.flush();
      if (this.output.replaced(value)) return;
    }
    yield* this.add(JSON.stringify(value) ?? "null");
  }

  private *array(values: readonly unknown[]): Steps<void> {
    this.text += "[";
    for (const [index, value] of values.entries()) {
      if (index > 0) this.text += ",";
      yield* this.value(value);
    }
    this.text += "]";
  }

  private *object(value: Record<string, unknown>): Steps<void> {
    let before = "{";
    for (const key of Object.keys(value)) {
      const member = value[key];
      if (member === undefined || typeof member === "function") continue;
      yield* this.add(`${before}${JSON.stringify(key)}:`);
      before = ",";
      yield* this.value(member);
    }
    this.text += before === "{" ? "{}" : "}";
  }

  private *longString(pieces: Iterable<string>): Steps<void> {
    this.text += '"';
    for (const piece of pieces) yield* this.inString(piece);
    this.text += '"';
  }

  private *inString(text: string): Steps<void> {
    for (const piece of textPieces(text, pieceUnits)) yield* this.add(JSON.stringify(piece).slice(1, -1));
  }
}
