/** UTF-16 units of a text that is made one string; as many as OpenAI takes ("expected a string with maximum length 10485760"). */
export const maxStringUnits = 10 * 1024 * 1024;

/** Bytes that are decoded at once. */
const pieceBytes = 1 << 20;

/**
 * A text that is too long to be made one string at once: new memory of 60 MB takes a fifth of a second on some machines (November
 * 2026, a virtual one: 18 microseconds a page). It is no string, so that no code reads it as one by mistake; who can read a
 * text piece by piece does.
 */
export class LongText {
  // fixed at birth
  readonly #source: readonly string[] | Buffer;
  readonly #length: number;
  /** Stands before the source. */
  readonly #start: string;

  /** `source`: pieces of whole characters, or valid UTF-8 that has `length` UTF-16 units. */
  constructor(source: readonly string[]);
  constructor(source: Uint8Array, length: number, start?: string);
  constructor(source: readonly string[] | Uint8Array, length?: number, start = "") {
    this.#source =
      source instanceof Uint8Array ? Buffer.from(source.buffer, source.byteOffset, source.byteLength) : source;
    this.#length = length ?? (source as readonly string[]).reduce((sum, piece) => sum + piece.length, 0);
    this.#start = start;
  }

  /** UTF-16 units. */
  get length(): number {
    return this.#start.length + this.#length;
  }

  /** The same behind another beginning, which takes the place of blanks. */
  behind(start: string): LongText {
    const blanks = this.head.length - this.head.trimStart().length;
    const source = this.#source;
    if (Buffer.isBuffer(source)) return new LongText(source.subarray(blanks), this.#length - blanks, start);
    const [first = "", ...others] = source as readonly string[];
    return new LongText([start, first.slice(blanks), ...others]);
  }

  /** Pieces of about a megabyte, made one by one. */
  *pieces(): Generator<string, void> {
    const source = this.#source;
    if (this.#start !== "") yield this.#start;
    if (!Buffer.isBuffer(source)) return yield* source as readonly string[];
    const encoding = source.length === this.#length ? "latin1" : "utf8";
    for (let from = 0; from < source.length;) {
      const until = wholeCharacters(source, from + pieceBytes);
      yield source.toString(encoding, from, until);
      from = until;
    }
  }

  /** Its beginning. */
  get head(): string {
    return this.pieces().next().value ?? "";
  }

  /** The text itself, at once. */
  toString(): string {
    return [...this.pieces()].join("");
  }

  toJSON(): string {
    return this.toString();
  }
}

/** Pieces of about this many UTF-16 units; a pair of surrogates stays together. */
export function* textPieces(text: string, units: number): Generator<string, void> {
  for (let from = 0; from < text.length;) {
    let to = Math.min(text.length, from + units);
    if (to < text.length && (text.charCodeAt(to) & 0xfc00) === 0xdc00) to += 1;
    yield text.slice(from, to);
    from = to;
  }
}

/** The place at or before this one where a character of UTF-8 begins; the end for a place behind it. */
export function wholeCharacters(bytes: Uint8Array, place: number): number {
  let at = Math.min(place, bytes.length);
  while (at < bytes.length && ((bytes[at] ?? 0) & 0xc0) === 0x80) at -= 1;
  return at;
}
