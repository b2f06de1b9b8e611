import { SchemaReader } from "../../lib/json-schema/reader.ts";
import {
  allowedValues,
  arrayForm,
  countOf,
  fieldsOf,
  numberBounds,
  stepForm,
  textForm,
  textPattern,
} from "../../lib/json-schema/form.ts";
import { type Schema, type TypeName, typeOf } from "../../lib/json-schema/schema.ts";
import { copySteps, textSteps, type WorkBudget, writeSteps } from "../../lib/json-schema/work.ts";
import { unusable } from "../schema-path.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { sampleOf, sampleOfPattern } from "./pattern.ts";

/** Which properties an object gets besides the required ones: `all`, or those that have a `default`. */
export type OptionalProperties = "all" | "defaults";

/** `exact`: an author's `default` is taken only where it certainly fits, and a schema of endless values is refused. */
export type Fit = "exact" | "loose";

/**
 * A value for the schema, and always the same one; it fits where `lib/json-schema/held.ts` finds nothing. Throws
 * `invalid` with an empty `param` for a schema that is too complex or asks for too much; `atSchemaPath` names it.
 */
export function sampleValue(
  schema: JsonObject,
  optional: OptionalProperties,
  { fit = "loose", work }: { fit?: Fit | undefined; work?: WorkBudget | undefined } = {},
): Json {
  const reader = new SchemaReader(schema, { missing: "allow", refuse: unusable, work });
  return new SchemaSampler(reader, optional, fit).value(schema, "", 0);
}

/** From here on only what must be there is made, so that recursive schemas end. */
const shallowDepth = 6;
/** A schema that demands more depth than this demands an endless value. */
const maxDepth = 40;
/** Values and looks at schemas, some milliseconds of them; a schema that asks for more gets no more. */
const maxSteps = 6_000;
/** Items of an array, and properties that have no name in the schema. */
const maxItems = 1_000;
/** Characters that fill texts up to their least length, in one value. */
const maxFilledChars = 100_000;

/** Examples of the formats of JSON Schema 2020-12. */
const formats: Readonly<Record<string, string>> = {
  date: "2026-01-15",
  time: "09:30:00Z",
  "date-time": "2026-01-15T09:30:00Z",
  duration: "P1D",
  email: "user@example.com",
  "idn-email": "user@example.com",
  hostname: "example.com",
  "idn-hostname": "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  uri: "https://example.com/",
  "uri-reference": "/example",
  iri: "https://example.com/",
  uuid: "123e4567-e89b-42d3-a456-426614174000",
  regex: "^a$",
  "json-pointer": "/example",
};
class SchemaSampler {
  // fixed at birth
  private readonly reader: SchemaReader;
  private readonly optional: OptionalProperties;
  private readonly fit: Fit;
  // changed by events
  /** Values and looks at schemas; counted by `settle`. */
  private steps = 0;
  /** Characters written only to reach a least length. */
  private filled = 0;
  /** Numbers by the schema they were made for. */
  private readonly numbers = new Map<Schema, number>();
  /** The values that a schema lists and allows, by the schema. */
  private readonly allowed = new Map<Schema, readonly unknown[] | undefined>();

  constructor(reader: SchemaReader, optional: OptionalProperties, fit: Fit) {
    this.reader = reader;
    this.fit = fit;
    this.optional = optional;
  }

  value(raw: unknown, name: string, depth: number): Json {
    if (depth > maxDepth || this.isSpent) {
      if (this.fit === "exact") throw unusable("asks for a value that is too large");
      return null;
    }
    const schema = this.settle(raw, depth);
    const values = this.allowedBy(schema);
    if (values !== undefined) return this.counted((values as Json[])[0] ?? null);
    switch (kindOf(schema)) {
      case "object":
        return this.object(schema, depth);
      case "array":
        return this.array(schema, name, depth);
      case "integer":
      case "number":
        return this.number(schema);
      case "boolean":
        return schema["default"] === true;
      case "null":
        return null;
      default:
        return this.counted(this.string(schema, name));
    }
  }

  /** A value that the schema's author chose the size of. */
  private counted<Value extends Json>(value: Value): Value {
    this.reader.spend(writeSteps(value));
    return value;
  }

  /** One alternative of a schema: the first that is not null; deep down rather a null, or what holds no other values. */
  private settle(part: unknown, depth: number): Schema {
    this.steps += 1;
    const ways = this.reader.alternatives(part);
    const usual = ways.find((way) => way["type"] !== "null") ?? ways[0] ?? {};
    if (depth < shallowDepth || ways.length < 2) return usual;
    const flat = ways.find((way) => !["object", "array"].includes(kindOf(way)));
    return ways.find((way) => way["type"] === "null") ?? flat ?? usual;
  }

  /** No more values are made. */
  private get isSpent(): boolean {
    return this.steps > maxSteps;
  }

  /** Lists are left as they are. */
  private get isFull(): boolean {
    return this.isSpent && this.fit === "loose";
  }

  private number(schema: Schema): number {
    const made = this.numbers.get(schema) ?? numberFor(schema);
    this.numbers.set(schema, made);
    return made;
  }

  private allowedBy(schema: Schema): readonly unknown[] | undefined {
    if (this.allowed.has(schema)) return this.allowed.get(schema);
    this.reader.spend(copySteps(schema));
    const values = allowedValues(schema);
    this.allowed.set(schema, values);
    return values;
  }

  private object(schema: Schema, depth: number): JsonObject {
    const made = new Map<string, Json>();
    const fields = fieldsOf(schema) ?? [];
    this.steps += Math.ceil(fields.length / 10);
    for (const { name, part, required } of fields) {
      if (this.isFull) break;
      const wanted = required || (depth < shallowDepth && this.wantsOptional(schema, part, depth));
      if (wanted) made.set(name, this.value(part, name, depth + 1));
    }
    const least = upTo(maxItems, schema["minProperties"], "properties");
    for (let count = 1; made.size < least && !this.isFull; count += 1) {
      made.set(`key${count}`, this.value(schema["additionalProperties"], `key${count}`, depth + 1));
    }
    return Object.fromEntries(made);
  }

  /** A schema that requires nothing at all wants everything: its author only left the list out. */
  private wantsOptional(schema: Schema, property: unknown, depth: number): boolean {
    if (this.optional === "all" || schema["required"] === undefined) return true;
    return (this.settle(property, depth)["default"] ?? null) !== null;
  }

  private array(schema: Schema, name: string, depth: number): Json[] {
    const { first: prefix, rest, most } = arrayForm(schema);
    const least = upTo(maxItems, schema["minItems"], "items");
    const usual = depth >= shallowDepth || this.reader.alternatives(rest).length === 0 ? 0 : 1;
    const length = Math.min(Math.max(least, prefix.length, prefix.length === 0 ? usual : 0), most, maxItems);
    const made: Json[] = [];
    const taken = new Set<string>();
    for (let at = 0; at < length && !this.isFull; at += 1) {
      const part = at < prefix.length ? prefix[at] : rest;
      const item = this.value(part, singularName(name), depth + 1);
      const isTwice = schema["uniqueItems"] === true && taken.has(JSON.stringify(item));
      const one = isTwice ? this.unlike({ made, taken }, item, part) : item;
      if (schema["uniqueItems"] === true) taken.add(JSON.stringify(one));
      made.push(one);
    }
    return made;
  }

  /** Another value where the array must not repeat itself. */
  private unlike(
    { made, taken }: { made: readonly Json[]; taken: ReadonlySet<string> },
    item: Json,
    raw: unknown,
  ): Json {
    const choices = this.allowedBy(this.settle(raw, 0));
    if (choices !== undefined) {
      this.reader.spend(Math.ceil(taken.size / 10));
      return (choices as Json[]).find((value) => !taken.has(JSON.stringify(value))) ?? item;
    }
    if (typeof item === "number") return Math.max(...made.filter((value) => typeof value === "number")) + 1;
    return typeof item === "string" ? `${item} ${taken.size + 1}` : item;
  }

  private string(schema: Schema, name: string): string {
    const { format, pattern, default: usual } = schema;
    this.reader.spend(textSteps(schema));
    const asked = textPattern(schema);
    const isFree = asked === undefined && hasLength(typeof usual === "string" ? usual : "", schema);
    if (typeof usual === "string" && (isFree || this.fit === "loose")) return usual;
    const example = typeof format === "string" && Object.hasOwn(formats, format) ? formats[format] : undefined;
    const sample = example ?? (typeof pattern === "string" ? sampleOfPattern(pattern) : undefined);
    if (sample !== undefined && hasLength(sample, schema)) return sample;
    if (asked === undefined) return this.sized(`example ${wordsOf(name)}`.trim(), schema);
    const form = textForm(schema);
    return (form === undefined ? undefined : sampleOf(form)) ?? sample ?? "";
  }

  /** Cut or filled up to the schema's length in code points. */
  private sized(text: string, schema: Schema): string {
    const points = Array.from(text);
    const missing = Math.max(0, numberOf(schema["minLength"], 0) - points.length);
    this.filled += missing;
    if (this.filled > maxFilledChars) throw unusable(`asks for texts of more than ${maxFilledChars} characters`);
    return points.slice(0, numberOf(schema["maxLength"], Infinity)).join("") + "x".repeat(missing);
  }
}

function hasLength(text: string, schema: Schema): boolean {
  const length = Array.from(text).length;
  return length >= (countOf(schema["minLength"]) ?? 0) && length <= (countOf(schema["maxLength"]) ?? Infinity);
}

/** The type of a schema's values; texts where it names and implies none. */
function kindOf(schema: Schema): TypeName {
  return typeOf(schema) ?? "string";
}

/** A least number of items or properties. Throws `invalid` for one that no reasonable value has. */
function upTo(most: number, value: unknown, what: string): number {
  const least = numberOf(value, 0);
  if (least > most) throw unusable(`asks for ${least} ${what}; at most ${most} are made`);
  return least;
}

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}

/** The number nearest to one; an exclusive bound moves by one step, without steps by a thousandth. */
function numberFor(schema: Schema): number {
  const form = stepForm(schema);
  if (form?.kind === "values") return nearOne(form.values) ?? 0;
  const step = numberOf(schema["multipleOf"], kindOf(schema) === "integer" ? 1 : 0);
  const { least, most, openLeast, openMost } = numberBounds(schema);
  const fits = (value: number): boolean =>
    (openLeast ? value > least : value >= least) &&
    (openMost ? value < most : value <= most) &&
    (step === 0 || Number.isInteger(value / step));
  const usual = schema["default"];
  if (typeof usual === "number" && fits(usual)) return usual;
  const near = step === 0 ? 0.001 : step;
  const plain = Math.min(Math.max(1, openLeast ? least + near : least), openMost ? most - near : most);
  if (step === 0) return fits(plain) ? plain : (least + most) / 2;
  const [up, down] = [Math.ceil(plain / step) * step, Math.floor(plain / step) * step];
  return fits(up) ? up : down;
}

function nearOne(values: readonly number[]): number | undefined {
  return values.find((value) => value >= 1) ?? values.at(-1);
}

/** `fromCity`, `from_city`, `from-city`: `from city`. */
function wordsOf(name: string): string {
  return name
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/[_.-]+/g, " ")
    .toLowerCase();
}

/** The name of one of several: `cities` gives `city`. */
function singularName(name: string): string {
  return name.replace(/ies$/, "y").replace(/(?<!s)s$/, "");
}
