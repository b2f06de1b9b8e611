import { SchemaReader } from "../../lib/json-schema/reader.ts";
import {
  prefixItemsOf,
  propertiesOf,
  requiredOf,
  type Schema,
  type TypeName,
  typeOf,
} from "../../lib/json-schema/schema.ts";
import { invalid } from "../../model/error.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { sampleOfPattern } from "./pattern.ts";

/** Which properties an object gets besides the required ones: `all`, or those that have a `default`. */
export type OptionalProperties = "all" | "defaults";

/**
 * A value valid against the schema, and always the same one. Knows the keywords that tools and structured outputs use:
 * type, properties, required, items, prefixItems, enum, const, default, $ref, allOf, anyOf, oneOf, bounds, lengths,
 * pattern and format. Throws `invalid` for a schema that is too complex or asks for too much.
 */
export function sampleValue(schema: JsonObject, optional: OptionalProperties): Json {
  const refuse = (problem: string): Error => invalid("schema", problem);
  return new SchemaSampler(new SchemaReader(schema, { missing: "allow", refuse }), optional).value(schema, "", 0);
}

/** From here on only what must be there is made, so that recursive schemas end. */
const shallowDepth = 6;
/** A schema that demands more depth than this demands an endless value. */
const maxDepth = 40;
/** Values and looks at schemas; one that asks for more (two halves at each of 40 levels) gets no more. */
const maxSteps = 200_000;
/** Items of an array, and properties that have no name in the schema. */
const maxItems = 1_000;
/** Characters that fill texts up to their least length, in one value. */
const maxFilledChars = 1_000_000;

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
  // changed by events
  /** Values and looks at schemas; counted by `settle`. */
  private steps = 0;
  /** Characters written only to reach a least length. */
  private filled = 0;

  constructor(reader: SchemaReader, optional: OptionalProperties) {
    this.reader = reader;
    this.optional = optional;
  }

  value(raw: unknown, name: string, depth: number): Json {
    if (depth > maxDepth || this.steps > maxSteps) return null;
    const schema = this.settle(raw, depth);
    if (schema["const"] !== undefined) return schema["const"] as Json;
    if (Array.isArray(schema["enum"])) return (schema["enum"] as Json[])[0] ?? null;
    switch (kindOf(schema)) {
      case "object":
        return this.object(schema, depth);
      case "array":
        return this.array(schema, name, depth);
      case "integer":
      case "number":
        return numberFor(schema);
      case "boolean":
        return schema["default"] === true;
      case "null":
        return null;
      default:
        return this.string(schema, name);
    }
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

  private object(schema: Schema, depth: number): JsonObject {
    const properties = propertiesOf(schema);
    const required = new Set(requiredOf(schema));
    const made = new Map<string, Json>();
    for (const [key, property] of Object.entries(properties)) {
      const wanted = required.has(key) || (depth < shallowDepth && this.wantsOptional(schema, property, depth));
      if (wanted) made.set(key, this.value(property, key, depth + 1));
    }
    for (const key of required)
      if (!made.has(key)) made.set(key, this.value(schema["additionalProperties"], key, depth + 1));
    const least = upTo(maxItems, schema["minProperties"], "properties");
    for (let count = 1; made.size < least; count += 1) {
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
    const prefix = prefixItemsOf(schema);
    const least = upTo(maxItems, schema["minItems"], "items");
    const most = numberOf(schema["maxItems"], Infinity);
    const usual = depth >= shallowDepth || schema["items"] === false ? 0 : 1;
    const length = Math.min(Math.max(least, prefix.length, prefix.length === 0 ? usual : 0), most, maxItems);
    const made: Json[] = [];
    for (let at = 0; at < length; at += 1) {
      const item = this.value(prefix[at] ?? schema["items"], singularName(name), depth + 1);
      made.push(schema["uniqueItems"] === true ? this.unlike(made, item, prefix[at] ?? schema["items"]) : item);
    }
    return made;
  }

  /** Another value where the array must not repeat itself. */
  private unlike(made: readonly Json[], item: Json, raw: unknown): Json {
    const taken = new Set(made.map((value) => JSON.stringify(value)));
    if (!taken.has(JSON.stringify(item))) return item;
    const choices = this.settle(raw, 0)["enum"];
    if (Array.isArray(choices)) return (choices as Json[]).find((value) => !taken.has(JSON.stringify(value))) ?? item;
    if (typeof item === "number") return Math.max(...made.filter((value) => typeof value === "number")) + 1;
    return typeof item === "string" ? `${item} ${made.length + 1}` : item;
  }

  private string(schema: Schema, name: string): string {
    if (typeof schema["default"] === "string") return schema["default"];
    if (typeof schema["pattern"] === "string") return sampleOfPattern(schema["pattern"]) ?? "";
    const { format } = schema;
    const example = formats[typeof format === "string" ? format : ""];
    return this.sized(example ?? `example ${wordsOf(name)}`.trim(), schema);
  }

  /** Cut or filled up to the schema's length in code points. */
  private sized(text: string, schema: Schema): string {
    const points = Array.from(text);
    const missing = Math.max(0, numberOf(schema["minLength"], 0) - points.length);
    this.filled += missing;
    if (this.filled > maxFilledChars)
      throw invalid("schema", `asks for texts of more than ${maxFilledChars} characters`);
    return points.slice(0, numberOf(schema["maxLength"], Infinity)).join("") + "x".repeat(missing);
  }
}

/** The type of a schema's values; texts where it names and implies none. */
function kindOf(schema: Schema): TypeName {
  return typeOf(schema) ?? "string";
}

/** A least number of items or properties. Throws `invalid` for one that no reasonable value has. */
function upTo(most: number, value: unknown, what: string): number {
  const least = numberOf(value, 0);
  if (least > most) throw invalid("schema", `asks for ${least} ${what}; at most ${most} are made`);
  return least;
}

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}

/** An exclusive bound moves by one step; without steps by a thousandth. Draft 4 wrote it as a boolean. */
function lowerBound(schema: Schema, step: number): number {
  const minimum = numberOf(schema["minimum"], -Infinity);
  const exclusive = schema["exclusiveMinimum"] === true ? minimum : numberOf(schema["exclusiveMinimum"], -Infinity);
  return Math.max(minimum, exclusive + (step === 0 ? 0.001 : step));
}

function upperBound(schema: Schema, step: number): number {
  const maximum = numberOf(schema["maximum"], Infinity);
  const exclusive = schema["exclusiveMaximum"] === true ? maximum : numberOf(schema["exclusiveMaximum"], Infinity);
  return Math.min(maximum, exclusive - (step === 0 ? 0.001 : step));
}

function numberFor(schema: Schema): number {
  const whole = kindOf(schema) === "integer";
  const step = numberOf(schema["multipleOf"], whole ? 1 : 0);
  const least = lowerBound(schema, step);
  const most = upperBound(schema, step);
  const fits = (value: number): boolean =>
    value >= least && value <= most && (step === 0 || Number.isInteger(value / step));
  const usual = schema["default"];
  if (typeof usual === "number" && fits(usual)) return usual;
  const plain = Math.min(Math.max(1, least), most);
  if (step === 0 || Number.isInteger(plain / step)) return plain;
  const up = Math.ceil(plain / step) * step;
  return up <= most ? up : Math.floor(plain / step) * step;
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
