import { maxCount } from "../regex/sized.ts";
import {
  allowedValues,
  arrayForm,
  countOf,
  fieldsOf,
  isOfType,
  isTextClash,
  numberBounds,
  stepForm,
  textForm,
  textPattern,
} from "./form.ts";
import { clashing, excluded, intersect, type Marked } from "./intersect.ts";
import type { SchemaReader } from "./reader.ts";
import { isSchema, type Schema, typeNamed, typeOf, valuesOf } from "./schema.ts";
import { copySteps } from "./work.ts";

/** Keywords that no answer is held to, by the type they speak of. */
const neverHeld: Readonly<Record<string, readonly string[]>> = {
  object: ["patternProperties", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties"],
  array: ["contains", "unevaluatedItems"],
  any: ["if", "$dynamicRef", "$recursiveRef"],
};
/** Keywords beside a list of values that the values are not checked against. */
const unchecked: Readonly<Record<string, readonly string[]>> = {
  string: ["pattern", "format"],
  object: ["properties", "required", "additionalProperties", "minProperties", "maxProperties", "propertyNames"],
  array: ["items", "prefixItems", "minItems", "maxItems", "uniqueItems"],
};
/** Numbers from here on have more digits than JavaScript keeps exactly. */
const maxBound = 10 ** 15;
const maxDepth = 12;

/**
 * The first thing of a schema that answers cannot be held to, with its place, as a sentence's end; undefined where every
 * value that an engine makes by it fits. Looks at all that the schema can reach.
 */
export function unheldKeyword(root: unknown, reader: SchemaReader): string | undefined {
  return new HeldReader(reader).problem(root, "#");
}

class HeldReader {
  // fixed at birth
  private readonly reader: SchemaReader;
  // changed by events
  /** Schemas that were looked at. */
  private readonly seen = new Set<Schema>();

  constructor(reader: SchemaReader) {
    this.reader = reader;
  }

  problem(part: unknown, place: string): string | undefined {
    const ways = this.reader.alternatives(part);
    if (ways.length === 0) return `allows no value at ${place}`;
    return this.reader.within(() => first(ways, (way) => this.ofAlternative(way, place)));
  }

  private ofAlternative(schema: Marked, place: string): string | undefined {
    if (this.seen.has(schema)) return undefined;
    this.seen.add(schema);
    this.reader.spend(4 + copySteps(schema));
    const values = allowedValues(schema);
    const word = this.keyword(schema, values);
    if (word !== undefined) return `'${word}' at ${place} is not held with strict: true`;
    if (values !== undefined) return values.length === 0 ? `allows no value at ${place}` : undefined;
    const type = typeOf(schema);
    if (isEmpty(schema, type)) return `allows no value at ${place}`;
    if (type === "object") return this.ofObject(schema, place);
    return type === "array" ? this.ofArray(schema, place) : undefined;
  }

  private ofObject(schema: Schema, place: string): string | undefined {
    const fields = fieldsOf(schema);
    const inner = (name: string): string => `${place}/properties/${name}`;
    if (fields !== undefined) return first(fields, ({ name, part }) => this.problem(part, inner(name)));
    return this.problem(schema["additionalProperties"], `${place}/additionalProperties`);
  }

  private ofArray(schema: Schema, place: string): string | undefined {
    const { first: items, rest, most } = arrayForm(schema);
    const found = first([...items.slice(0, most).entries()], ([at, item]) =>
      this.problem(item, `${place}/prefixItems/${at}`),
    );
    return found ?? (most > items.length ? this.problem(rest, `${place}/items`) : undefined);
  }

  private keyword(schema: Marked, values: readonly unknown[] | undefined): string | undefined {
    const [clash] = schema[clashing] ?? [];
    if (clash !== undefined) return clash;
    const type = typeOf(schema);
    const word = neverHeldFor(schema, values).find((one) => schema[one] !== undefined && !isSilent(one, schema));
    if (word !== undefined) return word;
    if (schema["not"] !== undefined && !this.isApart(schema, schema["not"], 0)) return "not";
    for (const { ways, except } of schema[excluded] ?? []) {
      if (!ways.every((way, at) => at === except || this.isApart(schema, way, 0))) return "oneOf";
    }
    if (values !== undefined) {
      const kinds = Object.keys(unchecked).filter((kind) => values.some((value) => isOfType(value, kind)));
      return kinds.flatMap((kind) => unchecked[kind] ?? []).find((one) => schema[one] !== undefined);
    }
    if (type === "object") return objectKeyword(schema);
    if (type === "array") return arrayKeyword(schema);
    if (type === "string") return textKeyword(schema);
    return type === "integer" || type === "number" ? numberKeyword(schema) : undefined;
  }

  /** Whether no value that is made by a schema in normal form fits another one. */
  private isApart(one: Schema, part: unknown, depth: number): boolean {
    return this.reader.alternatives(part).every((other) => this.isDisjoint(one, other, depth));
  }

  private isDisjoint(one: Schema, other: Schema, depth: number): boolean {
    this.reader.spend(10 + copySteps(one) + copySteps(other));
    if (depth > maxDepth) return false;
    const isObject = typeOf(one) === "object" && valuesOf(one) === undefined;
    // of values that are no objects, keywords of objects say nothing
    const [ours, theirs] = isObject
      ? [one, other]
      : [
          { ...one, required: undefined },
          { ...other, required: undefined },
        ];
    if (intersect(ours, theirs, (first) => first) === undefined || isOtherType(one, other)) return true;
    if (isBeside(one, other)) return true;
    const [fields, others] = [fieldsOf(one), fieldsOf(other)];
    if (!isObject || fields === undefined) return false;
    const names = new Set(fields.map(({ name }) => name));
    if (others?.some(({ name, required }) => required && !names.has(name) && typeNamed(other["type"]) === "object"))
      return true;
    return fields.some(({ name, part, required }) => {
      if (!required || typeNamed(other["type"] ?? "object") !== "object") return false;
      const asked = others?.find((field) => field.name === name)?.part ?? other["additionalProperties"] ?? {};
      return this.reader.alternatives(part).every((way) => this.isApart(way, asked, depth + 1));
    });
  }
}

function first<Element>(all: readonly Element[], problem: (one: Element) => string | undefined): string | undefined {
  for (const one of all) {
    const found = problem(one);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The keywords that no answer is held to and that speak of values which may be made: the listed ones, or those of the type. */
function neverHeldFor(schema: Schema, values: readonly unknown[] | undefined): string[] {
  const type = typeOf(schema);
  const isMade = (kind: string): boolean => {
    if (kind === "any") return true;
    return values?.some((value) => isOfType(value, kind)) ?? (type === undefined || type === kind);
  };
  return Object.entries(neverHeld).flatMap(([kind, words]) => (isMade(kind) ? words : []));
}

function isSilent(word: string, schema: Schema): boolean {
  const value = schema[word];
  if (word === "if") return schema["then"] === undefined && schema["else"] === undefined;
  // of `contains` even an item of any kind must be there
  return word !== "contains" && (value === true || (isSchema(value) && Object.keys(value).length === 0));
}

/** Whether values made by the one have another type than the other names. */
function isOtherType(one: Schema, other: Schema): boolean {
  const type = typeNamed(other["type"]);
  const values = allowedValues(one);
  if (values !== undefined) return type !== undefined && !values.some((value) => isOfType(value, type));
  const made = typeOf(one);
  if (made === undefined) return false;
  const theirs = valuesOf(other);
  if (theirs !== undefined && !theirs.some((value) => isOfType(value, made))) return true;
  return (
    type !== undefined &&
    type !== made &&
    !(type === "number" && made === "integer") &&
    !(type === "integer" && made === "number")
  );
}

/** Whether numbers of the two lie in ranges side by side. */
function isBeside(one: Schema, other: Schema): boolean {
  const made = typeOf(one);
  if (made !== "integer" && made !== "number") return false;
  // bounds say nothing of values that are no numbers
  if (allowedValues(one)?.some((value) => typeof value !== "number") === true) return false;
  const [ours, theirs] = [numberBounds(one), numberBounds(other)];
  const before = (low: typeof ours, high: typeof ours): boolean =>
    low.most < high.least || (low.most === high.least && (low.openMost || high.openLeast));
  return before(ours, theirs) || before(theirs, ours);
}

function isEmpty(schema: Schema, type: string | undefined): boolean {
  if (type === "string") return (countOf(schema["minLength"]) ?? 0) > (countOf(schema["maxLength"]) ?? Infinity);
  if (type === "array") return arrayForm(schema).least > arrayForm(schema).most;
  if (type !== "integer" && type !== "number") return false;
  const step = stepForm(schema);
  if (step?.kind === "values" && step.values.length === 0) return true;
  const { least, most, openLeast, openMost } = numberBounds(schema);
  if (type === "number") return least > most || (least === most && (openLeast || openMost));
  const low = openLeast ? Math.floor(least) + 1 : Math.ceil(least);
  return low > (openMost ? Math.ceil(most) - 1 : Math.floor(most));
}

function objectKeyword(schema: Schema): string | undefined {
  const fields = fieldsOf(schema);
  const required = fields?.filter((field) => field.required).length ?? 0;
  if ((countOf(schema["minProperties"]) ?? 0) > required) return "minProperties";
  const most = countOf(schema["maxProperties"]);
  if (most !== undefined && (fields === undefined ? most < 1 || most > maxCount : fields.length > most))
    return "maxProperties";
  return isNamesHeld(schema["propertyNames"]) ? undefined : "propertyNames";
}

/** Keywords of a list of names that the names are checked against, and those that say nothing. */
const namesKeywords = new Set(["type", "const", "enum", "minLength", "maxLength", "description", "title", "$schema"]);

/** Whether the names of properties are held to what `propertyNames` asks: a list of names, or any texts. */
function isNamesHeld(propertyNames: unknown): boolean {
  if (!isSchema(propertyNames)) return propertyNames !== false;
  if (Object.keys(propertyNames).some((word) => !namesKeywords.has(word))) return false;
  const { type = "string", minLength, maxLength } = propertyNames;
  if (valuesOf(propertyNames) !== undefined) return typeof type === "string";
  return typeNamed(type) === "string" && minLength === undefined && maxLength === undefined;
}

function arrayKeyword(schema: Schema): string | undefined {
  if (schema["uniqueItems"] === true && arrayForm(schema).most > 1) return "uniqueItems";
  return arrayForm(schema).least > maxCount ? "minItems" : undefined;
}

function textKeyword(schema: Schema): string | undefined {
  if (isTextClash(schema)) return "pattern";
  if ((countOf(schema["minLength"]) ?? 0) > maxCount) return "minLength";
  if (textPattern(schema) === undefined || textForm(schema) !== undefined) return undefined;
  return textPattern({ format: schema["format"] }) === undefined ? "pattern" : "format";
}

function numberKeyword(schema: Schema): string | undefined {
  if (stepForm(schema) === undefined) return "multipleOf";
  const { least, most } = numberBounds(schema);
  if (least !== -Infinity && least >= maxBound) return "minimum";
  return most !== Infinity && most <= -maxBound ? "maximum" : undefined;
}
