import { LongText, maxStringUnits } from "../../lib/long-text.ts";
import { invalid } from "../../model/error.ts";
import type { ParleyError } from "../../model/error.ts";
import { isObject } from "../../model/json.ts";

/** The words in which surfaces differ when they refuse the same thing; clients match on some of them. */
export interface Phrases {
  /** A value of the wrong type; `wanted` is for example "a string". */
  wrongType: (wanted: string, value: unknown) => string;
  /** What a boolean is called. */
  boolean: string;
  /** For numbers such as 1e999; without it they are out of bounds like any other. */
  infinite?: string;
  /** Most levels of nested objects and arrays that a value may have, and what is said about more. */
  depth: { levels: number; problem: string };
  /** How an element of an array is named; absent: `[0]`. */
  element?: (index: number) => string;
  /** How a model is called in a message. */
  model: (id: string) => string;
  /** A verb for what a model cannot use: "<model> does not <takes> image input". */
  takes: string;
}

/** The words of a surface that has none of its own. */
const plainPhrases: Phrases = {
  wrongType: (wanted) => `must be ${wanted}`,
  boolean: "true or false",
  // the value itself is not one of the 100
  depth: { levels: 101, problem: "must not nest deeper than 100 levels" },
  model: (id) => `model ${id}`,
  takes: "take",
};

/** Both ends included. */
export interface NumberRule {
  min?: number;
  max?: number;
  integer?: boolean;
}

/**
 * One object of the caller's body, and where it stands. Reads one field at a time: `undefined` for a field that is absent
 * or `null` (clients write "not given" in both ways), otherwise a value of the right type. Everything else is an `invalid`
 * error that names the field by its path, for example `tools[0].name`.
 */
export class Fields {
  readonly value: Readonly<Record<string, unknown>>;
  /** `""` is the body itself. */
  readonly path: string;
  readonly phrases: Phrases;

  private constructor(value: Record<string, unknown>, path: string, phrases: Phrases) {
    this.value = value;
    this.path = path;
    this.phrases = phrases;
  }

  static of(value: unknown, path: string, phrases: Phrases = plainPhrases): Fields {
    if (isObject(value)) return new Fields(value, path, phrases);
    throw invalid(path, path === "" ? "the body must be a JSON object" : "must be an object");
  }

  /** The path of a field, for messages. */
  pathOf(key: string): string {
    return this.path === "" ? key : `${this.path}.${key}`;
  }

  /** The path of an element of an array, for messages. */
  elementOf(key: string, index: number): string {
    return this.pathOf(this.element(key, index));
  }

  /** The error for what is wrong with a field. */
  error(key: string, problem: string): ParleyError {
    return invalid(this.pathOf(key), problem);
  }

  /** Own fields only: a body may name "constructor". Refuses a text that is too long for one string. */
  given(key: string): unknown {
    const value = this.ofAnyLength(key);
    if (value instanceof LongText) throw this.tooLong(key, value);
    return value;
  }

  /** The same for those who can read a `LongText`. */
  ofAnyLength(key: string): unknown {
    return Object.hasOwn(this.value, key) ? (this.value[key] ?? undefined) : undefined;
  }

  string(key: string): string | undefined {
    const value = this.given(key);
    if (value === undefined || typeof value === "string") return value;
    throw this.wrongType(key, "a string", value);
  }

  /** The data of an image or a video, or where they are. May be empty, but must be there. */
  requiredLongString(key: string): string | LongText {
    const value = this.ofAnyLength(key);
    return value instanceof LongText ? value : this.requiredString(key);
  }

  /** At least one character, or more than one string may have. */
  nonEmptyLongString(key: string): string | LongText {
    return this.requiredLongString(key) || this.nonEmptyString(key);
  }

  /** May be empty, but must be there. */
  requiredString(key: string): string {
    return this.required(key, this.string(key));
  }

  /** At least one character. */
  nonEmptyString(key: string): string {
    const value = this.requiredString(key);
    if (value === "") throw this.error(key, "must not be empty");
    return value;
  }

  boolean(key: string): boolean | undefined {
    const value = this.given(key);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.wrongType(key, this.phrases.boolean, value);
  }

  number(key: string, rule: NumberRule = {}): number | undefined {
    const value = this.given(key);
    if (value === undefined) return undefined;
    if (typeof value !== "number") throw this.wrongType(key, "a number", value);
    const { infinite } = this.phrases;
    if (infinite !== undefined && !Number.isFinite(value)) throw this.error(key, infinite);
    if (rule.integer === true && !Number.isSafeInteger(value)) throw this.error(key, "must be an integer");
    const { min = -Infinity, max = Infinity } = rule;
    if (value >= min && value <= max) return value;
    throw this.error(key, max === Infinity ? `must be at least ${min}` : `must be between ${min} and ${max}`);
  }

  /** An integer of at least 1. */
  count(key: string): number | undefined {
    return this.number(key, { min: 1, integer: true });
  }

  /** One of `words`; the error lists `listed`. */
  word<Word extends string>(key: string, words: readonly Word[], listed: readonly string[] = words): Word | undefined {
    const value = this.string(key);
    if (value === undefined) return undefined;
    const word = words.find((candidate) => candidate === value);
    if (word === undefined) throw this.error(key, `must be one of ${listed.join(", ")}`);
    return word;
  }

  object(key: string): Fields | undefined {
    const value = this.given(key);
    return value === undefined ? undefined : this.inner(key, value);
  }

  requiredObject(key: string): Fields {
    return this.required(key, this.object(key));
  }

  array(key: string): readonly unknown[] | undefined {
    const value = this.given(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw this.wrongType(key, "an array", value);
    return value as readonly unknown[];
  }

  /** The objects of an array, one at a time: an error in one comes before a wrong type after it. */
  *objects(key: string): Generator<Fields, void> {
    for (const [index, value] of (this.array(key) ?? []).entries()) yield this.inner(this.element(key, index), value);
  }

  /** The strings of an array; none where it is absent. */
  strings(key: string): string[] {
    return (this.array(key) ?? []).map((value, index) => {
      if (typeof value === "string") return value;
      throw this.wrongType(this.element(key, index), "a string", value);
    });
  }

  /** The value, or an error where the field was left out. */
  required<Value>(key: string, value: Value | undefined): Value {
    if (value === undefined) throw this.error(key, "is required");
    return value;
  }

  /** Refuses a value whose depth could overflow the stack of those who walk it: a schema, the arguments of a call. */
  checkDepth(key: string, value: unknown): void {
    const { levels, problem } = this.phrases.depth;
    if (isDeeper(value, levels)) throw this.error(key, problem);
  }

  private element(key: string, index: number): string {
    return key + (this.phrases.element?.(index) ?? `[${index}]`);
  }

  private inner(key: string, value: unknown): Fields {
    if (isObject(value) && !(value instanceof LongText)) return new Fields(value, this.pathOf(key), this.phrases);
    throw this.wrongType(key, "an object", value);
  }

  private tooLong(key: string, { length }: LongText): ParleyError {
    return this.error(key, `must have at most ${maxStringUnits} characters, not ${length}`);
  }

  private wrongType(key: string, wanted: string, value: unknown): ParleyError {
    if (value instanceof LongText) return this.tooLong(key, value);
    return this.error(key, this.phrases.wrongType(wanted, value));
  }
}

/** Recursion is safe here: it goes no deeper than `levels`. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => isDeeper(child, levels - 1));
}
