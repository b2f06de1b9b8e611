/** What a text may hold at most. */
export interface JsonBounds {
  /** Levels of nested objects and arrays. */
  depth: number;
  /** Values of every kind, those in objects and arrays included. */
  values: number;
  /** UTF-16 units of one string: a longer one becomes a `LongText`. */
  stringUnits: number;
}

/** Why a text was not read: it is no JSON, or holds more than its bounds allow. */
export class JsonFault extends Error {
  readonly kind: "syntax" | "key" | "depth" | "values";

  constructor(kind: JsonFault["kind"]) {
    super(`the text breaks JSON or its bounds: ${kind}`);
    this.kind = kind;
  }
}

/** `JSON.parse`, of which an error is a `JsonFault`. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new JsonFault("syntax");
  }
}
