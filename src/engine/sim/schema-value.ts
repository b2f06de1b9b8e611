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
import { isObject, type Json, type JsonObject } from "../../model/json.ts";
import { type Clues, singularName } from "./clues.ts";
import { fitsPattern, sampleOfPattern } from "./pattern.ts";

export interface ValueOptions {
  clues: Clues;
  /** Properties that are not required: `all`, or those `suggested` by the request or the schema. */
  optional: "all" | "suggested";
  /** Writes a text of that many words (characters in Chinese) where the request asks for a long one. */
  compose?: (length: number) => string;
}

/**
 * A value valid against the schema, with what the request offers where it fits. Knows the keywords tools and structured
 * outputs use: type, properties, required, items, prefixItems, enum, const, default, $ref, allOf, anyOf, oneOf,
 * bounds, lengths, pattern and format. Throws `invalid` for a schema that is too complex or asks for too much.
 */
export function sampleValue(schema: JsonObject, options: ValueOptions): Json {
  const refuse = (problem: string): Error => invalid("schema", problem);
  return new SchemaSampler(new SchemaReader(schema, { missing: "allow", refuse }), options).value(schema, "", 0);
}

/** From here on only what must be there is made, so that recursive schemas end. */
const shallowDepth = 6;
/** A schema that demands more depth than this demands an endless value. */
const maxDepth = 40;
/** Values and looks at schemas; one that asks for more (two halves at each of 40 levels) gets no more. */
const maxSteps = 200_000;
/** Items of an array, and properties that have no name in the schema. */
const maxItems = 1_000;
/** Longer texts of the request are not tried where the schema has a pattern. */
const maxMatchedChars = 24;
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
const formatChecks: Readonly<Record<string, RegExp>> = {
  date: /^\d{4}-\d{2}-\d{2}$/,
  email: /^[^@\s]+@[^@\s]+\.[^@\s]+$/,
  uri: /^[a-z][a-z\d+.-]*:\/\/\S+$/i,
};

class SchemaSampler {
  // fixed at birth
  private readonly reader: SchemaReader;
  private readonly clues: Clues;
  private readonly optional: ValueOptions["optional"];
  private readonly compose: ValueOptions["compose"];
  // changed by events
  private steps = 0;
  /** Characters written only to reach a least length. */
  private filled = 0;

  constructor(reader: SchemaReader, options: ValueOptions) {
    this.reader = reader;
    this.clues = options.clues;
    this.optional = options.optional;
    this.compose = options.compose;
  }

  value(raw: unknown, name: string, depth: number): Json {
    if (depth > maxDepth || this.steps > maxSteps) return null;
    const schema = this.settle(raw, depth);
    if (schema["const"] !== undefined) return schema["const"] as Json;
    if (Array.isArray(schema["enum"])) return this.choice(schema["enum"] as Json[]);
    const assigned = name === "" ? undefined : this.clues.json(name);
    if (assigned !== undefined && this.fits(assigned, schema, depth)) return assigned;
    switch (kindOf(schema)) {
      case "object":
        return this.object(schema, depth);
      case "array":
        return this.array(schema, name, depth);
      case "integer":
      case "number":
        return this.number(schema);
      case "boolean":
        return this.boolean(schema, name);
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

  /** Whether a value from the request may stand: its type, and the types of what it holds. Strings are judged elsewhere. */
  private fits(value: Json, raw: unknown, depth: number): boolean {
    if (depth > maxDepth) return false;
    const schema = this.settle(raw, depth);
    if (Array.isArray(schema["enum"])) return schema["enum"].includes(value);
    const type = kindOf(schema);
    if (Array.isArray(value)) {
      const bounded =
        value.length >= numberOf(schema["minItems"], 0) && value.length <= numberOf(schema["maxItems"], Infinity);
      const plain = schema["prefixItems"] === undefined && schema["uniqueItems"] !== true && schema["items"] !== false;
      return (
        type === "array" &&
        bounded &&
        plain &&
        value.every((item: Json) => this.fitsInside(item, schema["items"], depth))
      );
    }
    if (isObject(value)) return type === "object" && this.fitsObject(value, schema, depth);
    if (typeof value === "number")
      return (type === "number" || (type === "integer" && Number.isInteger(value))) && fitsBounds(value, schema);
    return typeof value === type;
  }

  /** Strings inside a list or an object are taken as they are, unless their schema says more than their type. */
  private fitsInside(value: Json, raw: unknown, depth: number): boolean {
    if (typeof value !== "string") return this.fits(value, raw, depth + 1);
    const schema = this.settle(raw, depth);
    return (
      kindOf(schema) === "string" &&
      ["pattern", "format", "minLength", "maxLength", "enum", "const"].every((keyword) => schema[keyword] === undefined)
    );
  }

  private fitsObject(value: Record<string, unknown>, schema: Schema, depth: number): boolean {
    const properties = propertiesOf(schema);
    const required = requiredOf(schema);
    const closed = schema["additionalProperties"] === false || isObject(schema["additionalProperties"]);
    const size = Object.keys(value).length;
    if (size < numberOf(schema["minProperties"], 0) || size > numberOf(schema["maxProperties"], Infinity)) return false;
    return (
      required.every((key) => value[key] !== undefined) &&
      Object.entries(value).every(([key, one]) =>
        Object.hasOwn(properties, key) ? this.fitsInside(one as Json, properties[key], depth) : !closed,
      )
    );
  }

  private choice(values: readonly Json[]): Json {
    return values.find((value) => typeof value === "string" && this.clues.mentions(value)) ?? values[0] ?? null;
  }

  private object(schema: Schema, depth: number): JsonObject {
    const properties = propertiesOf(schema);
    const required = new Set(requiredOf(schema));
    const made = new Map<string, Json>();
    for (const [key, property] of Object.entries(properties)) {
      const wanted = required.has(key) || (depth < shallowDepth && this.wantsOptional(schema, key, property, depth));
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
  private wantsOptional(schema: Schema, key: string, property: unknown, depth: number): boolean {
    if (this.optional === "all" || schema["required"] === undefined) return true;
    const settled = this.settle(property, depth);
    if (Array.isArray(settled["enum"])) return settled["enum"].some((value) => this.clues.mentions(String(value)));
    if (kindOf(settled) !== "string") return settled["default"] !== undefined && settled["default"] !== null;
    return settled["default"] !== undefined || this.clues.offers(key);
  }

  private array(schema: Schema, name: string, depth: number): Json[] {
    const prefix = prefixItemsOf(schema);
    const least = upTo(maxItems, schema["minItems"], "items");
    const most = numberOf(schema["maxItems"], Infinity);
    const records = depth < shallowDepth && isObject(schema["items"]) ? this.records(schema) : [];
    if (records.length > 0)
      return records.map((clues) =>
        new SchemaSampler(this.reader, { clues, optional: this.optional }).value(schema["items"], "", depth + 1),
      );
    const usual = depth >= shallowDepth || schema["items"] === false ? 0 : Math.min(this.clues.count(name) ?? 1, 50);
    const length = Math.min(Math.max(least, prefix.length, prefix.length === 0 ? usual : 0), most, maxItems);
    const made: Json[] = [];
    for (let at = 0; at < length; at += 1) {
      const item = this.value(prefix[at] ?? schema["items"], singularName(name), depth + 1);
      made.push(schema["uniqueItems"] === true ? this.unlike(made, item, prefix[at] ?? schema["items"]) : item);
    }
    return made;
  }

  /** The records the request names, where their number suits a list of objects. */
  private records(schema: Schema): Clues[] {
    if (kindOf(this.settle(schema["items"], 0)) !== "object") return [];
    const found = this.clues.records();
    const suits =
      found.length >= numberOf(schema["minItems"], 1) && found.length <= numberOf(schema["maxItems"], Infinity);
    return suits ? found : [];
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

  private number(schema: Schema): number {
    const whole = kindOf(schema) === "integer";
    const step = numberOf(schema["multipleOf"], whole ? 1 : 0);
    const least = lowerBound(schema, step);
    const most = upperBound(schema, step);
    const fits = (value: number): boolean =>
      value >= least && value <= most && (step === 0 || Number.isInteger(value / step));
    const given = this.clues.number(fits) ?? schema["default"];
    if (typeof given === "number" && fits(given)) return given;
    const plain = Math.min(Math.max(1, least), most);
    if (step === 0 || Number.isInteger(plain / step)) return plain;
    const up = Math.ceil(plain / step) * step;
    return up <= most ? up : Math.floor(plain / step) * step;
  }

  private boolean(schema: Schema, name: string): boolean {
    if (typeof schema["default"] === "boolean") return schema["default"];
    return this.clues.mentions(name.replaceAll("_", " "));
  }

  private string(schema: Schema, name: string): string {
    const format = typeof schema["format"] === "string" ? schema["format"] : "";
    const pattern = typeof schema["pattern"] === "string" ? schema["pattern"] : undefined;
    const length = this.compose !== undefined && isProse(name) ? this.clues.length(name) : undefined;
    const suggestion = this.clues.suggest(name);
    const composed =
      length !== undefined && (suggestion?.length ?? 0) < length && format === "" && pattern === undefined;
    if (composed) return this.sized(this.compose?.(length) ?? "", schema);
    const fits =
      pattern === undefined || ((suggestion?.length ?? 0) <= maxMatchedChars && fitsPattern(suggestion ?? "", pattern));
    if (suggestion !== undefined && fitsFormat(suggestion, format) && fits) return this.sized(suggestion, schema);
    if (typeof schema["default"] === "string") return schema["default"];
    if (pattern !== undefined) return sampleOfPattern(pattern) ?? "";
    return this.sized(formats[format] ?? this.clues.fallback(name), schema);
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

function fitsFormat(text: string, format: string): boolean {
  return formats[format] === undefined || (formatChecks[format]?.test(text) ?? false);
}

/** Properties that hold running text. */
function isProse(name: string): boolean {
  return /content|body|text|description|summary|paragraph|conclusion|essay|article|report|story|message|answer|内容|正文/i.test(
    name,
  );
}

function fitsBounds(value: number, schema: Schema): boolean {
  const step = numberOf(schema["multipleOf"], 0);
  return (
    value >= lowerBound(schema, step) &&
    value <= upperBound(schema, step) &&
    (step === 0 || Number.isInteger(value / step))
  );
}
