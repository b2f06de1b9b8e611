import { invalid } from "../../model/error.ts";
import { isObject } from "../../model/json.ts";

/** One object of the caller's body and where it stands; `""` is the body itself. */
export interface Fields {
  value: Readonly<Record<string, unknown>>;
  path: string;
}

/** Levels of nesting a schema of the caller may have; deeper ones would overflow the stack when written back. */
const deepest = 100;

/** The path of a field, for messages: `tools[0].name`. */
export function pathOf(fields: Fields, key: string): string {
  return fields.path === "" ? key : `${fields.path}.${key}`;
}

/** An object at a path; throws `invalid` for anything else. */
export function fieldsOf(value: unknown, path: string): Fields {
  if (!isObject(value)) throw invalid(path, path === "" ? "the body must be a JSON object" : "must be an object");
  return { value, path };
}

/** `undefined` for an absent or null field, as Open Responses lets callers write "not given" in both ways. */
export function given(fields: Fields, key: string): unknown {
  // Own fields only: a body may name "constructor".
  return Object.hasOwn(fields.value, key) ? (fields.value[key] ?? undefined) : undefined;
}

export function optionalString(fields: Fields, key: string): string | undefined {
  const value = given(fields, key);
  if (value === undefined || typeof value === "string") return value;
  throw invalid(pathOf(fields, key), "must be a string");
}

/** A string of at least one character. */
export function requiredString(fields: Fields, key: string): string {
  const value = optionalString(fields, key);
  if (value === undefined) throw invalid(pathOf(fields, key), "is required");
  if (value === "") throw invalid(pathOf(fields, key), "must not be empty");
  return value;
}

export function optionalBoolean(fields: Fields, key: string): boolean | undefined {
  const value = given(fields, key);
  if (value === undefined || typeof value === "boolean") return value;
  throw invalid(pathOf(fields, key), "must be true or false");
}

export interface NumberRule {
  min: number;
  max: number;
  integer?: boolean;
}

export function optionalNumber(fields: Fields, key: string, rule: NumberRule): number | undefined {
  const value = given(fields, key);
  if (value === undefined) return undefined;
  if (typeof value !== "number") throw invalid(pathOf(fields, key), "must be a number");
  if (rule.integer === true && !Number.isSafeInteger(value)) throw invalid(pathOf(fields, key), "must be an integer");
  if (value >= rule.min && value <= rule.max) return value;
  const allowed = rule.max === Infinity ? `at least ${rule.min}` : `between ${rule.min} and ${rule.max}`;
  throw invalid(pathOf(fields, key), `must be ${allowed}`);
}

/** One of the given words. */
export function optionalWord<Word extends string>(
  fields: Fields,
  key: string,
  words: readonly Word[],
): Word | undefined {
  const value = optionalString(fields, key);
  if (value === undefined) return undefined;
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) throw invalid(pathOf(fields, key), `must be one of ${words.join(", ")}`);
  return word;
}

export function optionalFields(fields: Fields, key: string): Fields | undefined {
  const value = given(fields, key);
  return value === undefined ? undefined : fieldsOf(value, pathOf(fields, key));
}

export function optionalArray(fields: Fields, key: string): readonly unknown[] | undefined {
  const value = given(fields, key);
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw invalid(pathOf(fields, key), "must be an array");
  return value as readonly unknown[];
}

/** Throws `invalid` when a value of the caller nests too deep to be written back. */
export function checkDepth(value: unknown, path: string, level = 0): void {
  if (typeof value !== "object" || value === null) return;
  if (level > deepest) throw invalid(path, `must not nest deeper than ${deepest} levels`);
  for (const child of Object.values(value)) checkDepth(child, path, level + 1);
}
