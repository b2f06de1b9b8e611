/** UTF-16 units of a text that is made one string; as many as OpenAI takes ("expected a string with maximum length 10485760"). */
export const maxStringUnits = 10 * 1024 * 1024;

/**
 * A text that is too long to be made one string at once: new memory of 60 MB takes a fifth of a second on some machines (November
 * 2026, a virtual one: 18 microseconds a page). It is no string, so that nobody reads it as one by mistake; who can read a
 * text piece by piece does.
 */
export class LongText {
  // fixed at birth
  /** Each ends with a whole character. */
  readonly #pieces: readonly string[];
  /** UTF-16 units. */
  readonly #length: number;

  constructor(pieces: readonly string[]) {
    this.#pieces = pieces;
    this.#length = pieces.reduce((sum, { length }) => sum + length, 0);
  }

  get pieces(): readonly string[] {
    return this.#pieces;
  }

  get length(): number {
    return this.#length;
  }

  /** The text itself, at once. */
  toString(): string {
    return this.#pieces.join("");
  }

  toJSON(): string {
    return this.toString();
  }
}
