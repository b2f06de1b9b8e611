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

/**
 * One schema for values that fit both, each without references and combinations; undefined where no value can: their
 * types or their lists of values exclude each other. Of `pattern`, `format`, `multipleOf` and of annotations, which have
 * no intersection that can be written, the later one counts.
 */
export function intersect(one: Schema, other: Schema, join: Join): Schema | undefined {
  const type = commonType(one, other);
  const values = commonValues(one, other);
  if (type === "none" || values?.length === 0) return undefined;
  const { const: _const, enum: _enum, ...rest } = { ...one, ...other };
  return {
    ...rest,
    ...(type === undefined ? {} : { type }),
    ...(values === undefined ? {} : values.length === 1 ? { const: values[0] } : { enum: values }),
    ...Object.fromEntries(Object.keys(bounds).flatMap((word) => narrower(word, one, other))),
    ...ofObjects(one, other, join),
    ...ofArrays(one, other, join),
  };
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

function ofObjects(one: Schema, other: Schema, join: Join): Schema {
  const [first, second] = [propertiesOf(one), propertiesOf(other)];
  const shared = Object.keys(second).filter((name) => Object.hasOwn(first, name));
  const joined = Object.fromEntries(shared.map((name) => [name, join(first[name], second[name])]));
  const named = isSchema(one["properties"]) || isSchema(other["properties"]);
  const required = [...new Set([...requiredOf(one), ...requiredOf(other)])];
  return {
    ...(named ? { properties: { ...first, ...second, ...joined } } : {}),
    ...(Array.isArray(one["required"]) || Array.isArray(other["required"]) ? { required } : {}),
    ...both("additionalProperties", one, other, join),
  };
}

function ofArrays(one: Schema, other: Schema, join: Join): Schema {
  const [first, second] = [prefixItemsOf(one), prefixItemsOf(other)];
  const longer = first.length > second.length ? first : second;
  const prefixItems = longer.map((item, at) => (at in first && at in second ? join(first[at], second[at]) : item));
  return {
    ...(first.length > 0 && second.length > 0 ? { prefixItems } : {}),
    ...both("items", one, other, join),
    ...(one["uniqueItems"] === true ? { uniqueItems: true } : {}),
  };
}

/** A keyword whose value is a schema, where both have it; `false` allows nothing. */
function both(word: string, one: Schema, other: Schema, join: Join): Schema {
  if (one[word] === undefined || other[word] === undefined) return {};
  return { [word]: one[word] === false || other[word] === false ? false : join(one[word], other[word]) };
}
