import { invalid } from "../../model/error.ts";
import { isObject } from "../../model/json.ts";

/**
 * Narrow reads of one value of the caller's body. `path` names the field in errors. `null` counts as absent, as
 * OpenAI clients send it for options left alone; every other wrong type is `invalid`.
 */

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function mismatch(path: string, wanted: string, value: unknown): Error {
  return invalid(path, `must be ${wanted}, not ${kindOf(value)}`);
}

export function readBoolean(value: unknown, path: string): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return value;
  throw mismatch(path, "a boolean", value);
}

export function readString(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw mismatch(path, "a string", value);
}

export function readNumber(value: unknown, path: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number") throw mismatch(path, "a number", value);
  if (Number.isFinite(value)) return value;
  throw invalid(path, "is too large");
}

export function readInteger(value: unknown, path: string): number | undefined {
  const number = readNumber(value, path);
  if (number === undefined || Number.isSafeInteger(number)) return number;
  throw invalid(path, "must be an integer");
}

export function readObject(value: unknown, path: string): Record<string, unknown> | undefined {
  if (value === undefined || value === null) return undefined;
  if (isObject(value)) return value;
  throw mismatch(path, "an object", value);
}

export function readArray(value: unknown, path: string): readonly unknown[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value as readonly unknown[];
  throw mismatch(path, "an array", value);
}

export function readChoice<Choice extends string>(
  value: unknown,
  path: string,
  allowed: readonly Choice[],
): Choice | undefined {
  const text = readString(value, path);
  if (text === undefined) return undefined;
  const found = allowed.find((choice) => choice === text);
  if (found === undefined) throw invalid(path, `must be one of ${allowed.join(", ")}`);
  return found;
}

/** The value, or `invalid` where the field was left out. */
export function required<Value>(value: Value | undefined, path: string): Value {
  if (value === undefined) throw invalid(path, "is required");
  return value;
}

/** Deepest nesting of a schema or of call arguments; deeper ones would overflow the stack of whoever walks them. */
const deepest = 100;

/** Refuses a value nested deeper than any honest schema. */
export function refuseDeep(value: unknown, path: string): void {
  if (isDeeper(value, deepest)) throw invalid(path, `must not be nested deeper than ${deepest} levels`);
}

/** Recursion is safe here: it goes no deeper than `levels`. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((one) => isDeeper(one, levels - 1));
  for (const key in value) if (isDeeper((value as Record<string, unknown>)[key], levels - 1)) return true;
  return false;
}
