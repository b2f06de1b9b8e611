import { isSchema, prefixItemsOf, propertiesOf, requiredOf, typeNamed, valuesOf, type Schema } from "./schema.ts";

/** Both of two sub-schemas as one. */
type Join = (one: unknown, other: unknown) => unknown;

const larger = Math.max;
const smaller = Math.min;
/** Bounds of which the narrower one holds. */
const bounds: Readonly<Record<string, (one: number, other: number) => number>> = {
  minimum: larger,
  exclusiveMinimum: larger,
  minLength: larger,
  minItems: larger,
  minProperties: larger,
  maximum: smaller,
  exclusiveMaximum: smaller,
  maxLength: smaller,
  maxItems: smaller,
  maxProperties: smaller,
};

/** What one alternative of a `oneOf` must not be besides: any of the other ones. */
export interface Exclusion {
  ways: readonly unknown[];
  /** The place of the alternative itself. */
  except: number;
}

/** Of a schema in normal form: the exclusions that hold for it. */
export const excluded = Symbol("excluded");
/** Of a schema in normal form: keywords that stood in several schemas and have no intersection that can be written. */
export const clashing = Symbol("clashing");

export type Marked = Schema & {
  readonly [excluded]?: readonly Exclusion[];
  readonly [clashing]?: readonly string[];
};

/** Keywords of which both are kept, as a list of two schemas. */
const listed = new Set(["not", "if", "then", "else"]);
/** Keywords that say nothing about values, and those that are intersected. */
const silent = new Set([
  ...["title", "description", "default", "examples", "$defs", "definitions", "$id", "$schema", "$comment", "$anchor"],
  ...["deprecated", "readOnly", "writeOnly", "type", "const", "enum", "properties", "required", "additionalProperties"],
  ...["items", "prefixItems", "uniqueItems"],
]);

/**
 * One schema for values that fit both, each without references and combinations; undefined where no value can: their
 * types or their lists of values exclude each other. Of `pattern`, `format` and other keywords
 * that have no intersection that can be written, the later one counts, and `clashing` lists them.
 */
export function intersect(one: Marked, other: Marked, join: Join): Schema | undefined {
  const type = commonType(one, other);
  const values = commonValues(one, other);
  if (type === "none" || values?.length === 0) return undefined;
  const { const: _const, enum: _enum, ...rest } = { ...one, ...other };
  const objects = ofObjects(one, other, join);
  if (objects === undefined) return undefined;
  return {
    ...rest,
    ...marks(one, other),
    ...(type === undefined ? {} : { type }),
    ...(values === undefined ? {} : values.length === 1 ? { const: values[0] } : { enum: values }),
    ...Object.fromEntries(Object.keys(bounds).flatMap((word) => narrower(word, one, other))),
    ...commonStep(one, other),
    ...objects,
    ...ofArrays(one, other, join),
  };
}

function marks(one: Marked, other: Marked): Marked {
  const exclusions = [...(one[excluded] ?? []), ...(other[excluded] ?? [])];
  const twice = Object.keys(one).filter((word) => {
    const known = silent.has(word) || Object.hasOwn(bounds, word) || one[word] === other[word];
    return !known && other[word] !== undefined && (listed.has(word) || !isSameStep(word, one, other));
  });
  const clashes = [...new Set([...(one[clashing] ?? []), ...(other[clashing] ?? []), ...twice])];
  return {
    ...(exclusions.length === 0 ? {} : { [excluded]: exclusions }),
    ...(clashes.length === 0 ? {} : { [clashing]: clashes }),
  };
}

function isSameStep(word: string, one: Schema, other: Schema): boolean {
  return word === "multipleOf" && commonStep(one, other)["multipleOf"] !== undefined;
}

/** The least number that is a multiple of both, for whole numbers. */
function commonStep({ multipleOf: one }: Schema, { multipleOf: other }: Schema): Schema {
  if (!isWhole(one) || !isWhole(other)) return {};
  let [divisor, rest] = [one, other];
  while (rest > 0) [divisor, rest] = [rest, divisor % rest];
  const multipleOf = (one / divisor) * other;
  return Number.isSafeInteger(multipleOf) ? { multipleOf } : {};
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function commonType(one: Schema, other: Schema): string | undefined {
  const first = typeNamed(one["type"]);
  const second = typeNamed(other["type"]);
  if (first === undefined || second === undefined || first === second) return first ?? second;
  const both = new Set([first, second]);
  return both.has("integer") && both.has("number") ? "integer" : "none";
}

function commonValues(one: Schema, other: Schema): readonly unknown[] | undefined {
  const first = valuesOf(one);
  const second = valuesOf(other);
  if (first === undefined || second === undefined) return first ?? second;
  const allowed = new Set(second.map((value) => JSON.stringify(value)));
  return first.filter((value) => allowed.has(JSON.stringify(value)));
}

function narrower(word: string, one: Schema, other: Schema): [string, number][] {
  const [first, second, choose] = [one[word], other[word], bounds[word]];
  if (typeof first !== "number" || typeof second !== "number" || choose === undefined) return [];
  return [[word, choose(first, second)]];
}

/** Undefined where one requires a property that the other forbids. */
function ofObjects(one: Schema, other: Schema, join: Join): Schema | undefined {
  const [first, second] = [propertiesOf(one), propertiesOf(other)];
  const required = [...new Set([...requiredOf(one), ...requiredOf(other)])];
  const properties: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(first), ...Object.keys(second)])) {
    const part = joined(partFor(one, first, name), partFor(other, second, name), join);
    Object.defineProperty(properties, name, { value: part, enumerable: true, writable: true, configurable: true });
  }
  if (required.some((name) => Object.hasOwn(properties, name) && properties[name] === false)) return undefined;
  const named = isSchema(one["properties"]) || isSchema(other["properties"]);
  return {
    ...(named ? { properties } : {}),
    ...(Array.isArray(one["required"]) || Array.isArray(other["required"]) ? { required } : {}),
    ...both("additionalProperties", one, other, join),
  };
}

/** What a schema says about a property; undefined: nothing. */
function partFor(schema: Schema, properties: Schema, name: string): unknown {
  return Object.hasOwn(properties, name) ? properties[name] : schema["additionalProperties"];
}

function ofArrays(one: Schema, other: Schema, join: Join): Schema {
  const [first, second] = [prefixItemsOf(one), prefixItemsOf(other)];
  const length = Math.max(first.length, second.length);
  const prefixItems = Array.from({ length }, (_, at) =>
    joined(at < first.length ? first[at] : one["items"], at < second.length ? second[at] : other["items"], join),
  );
  return {
    ...(length > 0 ? { prefixItems } : {}),
    ...both("items", one, other, join),
    ...(one["uniqueItems"] === true ? { uniqueItems: true } : {}),
  };
}

/** A keyword whose value is a schema, where both have it. */
function both(word: string, one: Schema, other: Schema, join: Join): Schema {
  if (one[word] === undefined || other[word] === undefined) return {};
  return { [word]: joined(one[word], other[word], join) };
}

/** `false` allows nothing, undefined anything. */
function joined(one: unknown, other: unknown, join: Join): unknown {
  if (one === false || other === false) return false;
  if (one === undefined || other === undefined) return one ?? other;
  return join(one, other);
}
