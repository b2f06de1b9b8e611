import { type RegexNode, type Span } from "../regex/node.ts";
import { maxCount, sizedText } from "../regex/sized.ts";
import { formatPatterns, patternsOfFormats } from "./formats.ts";
import {
  isSchema,
  prefixItemsOf,
  propertiesOf,
  requiredOf,
  type Schema,
  typeNamed,
  typeOf,
  valuesOf,
} from "./schema.ts";

/*
 * What a schema in normal form asks of the values that are made for it. Values may be chosen from fewer than the schema
 * allows: no property that it does not name unless it names none, texts of a format of one kind, some multiples.
 */

export interface Field {
  name: string;
  /** The schema of its value. */
  part: unknown;
  required: boolean;
}

/** The properties that an object may get, in the schema's order; undefined where it may get any. */
export function fieldsOf(schema: Schema): readonly Field[] | undefined {
  const properties = propertiesOf(schema);
  const required = new Set(requiredOf(schema));
  const allowed = namesAllowed(schema);
  const named = new Set([...Object.keys(properties), ...required]);
  if (named.size === 0 && allowed === undefined && schema["additionalProperties"] !== false) return undefined;
  const names = named.size === 0 ? [...(allowed ?? [])] : [...named];
  return names
    .map((name) => {
      const part = Object.hasOwn(properties, name) ? properties[name] : schema["additionalProperties"];
      const fits = allowed === undefined || allowed.has(name);
      return { name, part: fits ? part : false, required: required.has(name) };
    })
    .filter(({ part, required: needed }) => needed || part !== false);
}

/** The only names that an object's properties may have, where `propertyNames` lists them. */
function namesAllowed(schema: Schema): ReadonlySet<string> | undefined {
  const { propertyNames } = schema;
  if (!isSchema(propertyNames)) return undefined;
  const names = allowedValues(propertyNames)?.filter((name) => typeof name === "string");
  return names && new Set(names);
}

export interface ArrayForm {
  first: readonly unknown[];
  /** The schema of items behind the first ones. */
  rest: unknown;
  /** Number of all items. */
  least: number;
  most: number;
}

export function arrayForm(schema: Schema): ArrayForm {
  const first = prefixItemsOf(schema);
  const rest = schema["items"];
  const most = Math.min(countOf(schema["maxItems"]) ?? Infinity, rest === false ? first.length : Infinity);
  const least = countOf(schema["minItems"]) ?? 0;
  // an item without a schema of its own is not made, nor is one behind listed ones that need not be there
  return {
    first,
    rest,
    least,
    most: first.length > 0 && rest === undefined ? Math.min(most, Math.max(least, first.length)) : most,
  };
}

/** A length or count of a schema; undefined where there is none. */
export function countOf(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 ? Math.ceil(value) : undefined;
}

/** An expression of whole texts that fit; undefined where only lengths count, or where there is no such expression. */
export function textForm(schema: Schema, unwritable?: readonly Span[]): RegexNode | undefined {
  const pattern = textPattern(schema);
  if (pattern === undefined) return undefined;
  const most = countOf(schema["maxLength"]);
  return sizedText(pattern, {
    least: countOf(schema["minLength"]),
    most: most && Math.min(most, maxCount),
    unwritable,
  });
}

/** The pattern that makes texts of the schema's format or pattern. */
export function textPattern({ format, pattern }: Schema): string | undefined {
  const known =
    typeof format === "string" && Object.hasOwn(formatPatterns, format) ? formatPatterns[format] : undefined;
  return known ?? (typeof pattern === "string" ? pattern : undefined);
}

/** Whether format and pattern of a text ask for different things. */
export function isTextClash({ format, pattern }: Schema): boolean {
  const both = textPattern({ format }) !== undefined && typeof pattern === "string";
  return both && !patternsOfFormats.has(pattern);
}

/** The bounds of a schema's numbers: of an included and an excluded one the narrower. */
export interface NumberBounds {
  least: number;
  openLeast: boolean;
  most: number;
  openMost: boolean;
}

export function numberBounds(schema: Schema): NumberBounds {
  const from = numberOf(schema["minimum"], -Infinity);
  const above = numberOf(schema["exclusiveMinimum"], -Infinity);
  const to = numberOf(schema["maximum"], Infinity);
  const below = numberOf(schema["exclusiveMaximum"], Infinity);
  return {
    least: Math.max(from, above),
    openLeast: above >= from && above !== -Infinity,
    most: Math.min(to, below),
    openMost: below <= to && below !== Infinity,
  };
}

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}

/** Multiples that are listed one by one. */
const maxMultiples = 1000;
/** Longest endings of a decimal number that are looked at, in digits. */
const maxEnding = 3;

/** What `multipleOf` leaves of a schema's numbers. */
export type StepForm =
  | { kind: "any" }
  | { kind: "values"; values: readonly number[] }
  /** Whole numbers by their last digits: `small` ones, and any digits before one of the `endings`. */
  | { kind: "endings"; small: readonly number[]; endings: readonly string[]; negative: boolean }
  /** Numbers with this many digits behind the point, at most. */
  | { kind: "places"; places: number; negative: boolean };

/** Undefined for a step that answers cannot be held to: too many multiples, and no form of digits. */
export function stepForm(schema: Schema): StepForm | undefined {
  const { multipleOf: step } = schema;
  if (step === undefined || (step === 1 && typeOf(schema) === "integer")) return { kind: "any" };
  if (typeof step !== "number" || !(step > 0)) return undefined;
  const { least, most } = numberBounds(schema);
  const [low, high] = [Math.ceil(least / step), Math.floor(most / step)];
  if (high - low < maxMultiples) {
    const all = Array.from(
      { length: Math.max(0, high - low + 1) },
      (_, at) => Number(((low + at) * step).toPrecision(15)) + 0,
    );
    return { kind: "values", values: all.filter((value) => allows(schema, value)) };
  }
  const open = most === Infinity && (least === -Infinity || (least === 0 && schema["exclusiveMinimum"] === undefined));
  if (!open) return undefined;
  const negative = least === -Infinity;
  const places = [1, 2, 3, 4, 5, 6].find((count) => step === Number(`1e-${count}`));
  if (places !== undefined && typeOf(schema) === "number") return { kind: "places", places, negative };
  const width = [1, 2, maxEnding].find((digits) => Number.isInteger(10 ** digits / step));
  if (width === undefined || !Number.isInteger(step)) return undefined;
  const small = Array.from({ length: 10 ** width / step }, (_, at) => at * step);
  return { kind: "endings", small, endings: small.map((value) => String(value).padStart(width, "0")), negative };
}

/** The values of `const` or `enum` that fit the schema's type, bounds and lengths; undefined where neither stands. */
export function allowedValues(schema: Schema): readonly unknown[] | undefined {
  return valuesOf(schema)?.filter((value) => allows(schema, value));
}

/** Whether a value fits a schema's type, bounds and lengths. */
export function allows(schema: Schema, value: unknown): boolean {
  const type = typeNamed(schema["type"]);
  if (type !== undefined && !isOfType(value, type)) return false;
  if (typeof value === "number") {
    const { least, most, openLeast, openMost } = numberBounds(schema);
    const step = numberOf(schema["multipleOf"], 0);
    const inside = (openLeast ? value > least : value >= least) && (openMost ? value < most : value <= most);
    return inside && (step <= 0 || Number.isInteger(value / step));
  }
  if (typeof value !== "string") return true;
  const length = Array.from(value).length;
  return length >= (countOf(schema["minLength"]) ?? 0) && length <= (countOf(schema["maxLength"]) ?? Infinity);
}

export function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "integer":
      return Number.isInteger(value);
    case "object":
      return isSchema(value);
    case "array":
      return Array.isArray(value);
    default:
      return typeof value === type;
  }
}
