import { isObject, type Json, type JsonObject } from "../../model/json.ts";
import { sampleOfPattern } from "./pattern.ts";

/** Which properties an object gets besides the required ones: `all`, or those that have a `default`. */
export type OptionalProperties = "all" | "defaults";

/**
 * A value valid against the schema, and always the same one. Knows the keywords tools and structured
 * outputs use: type, properties, required, items, prefixItems, enum, const, default, $ref, allOf, anyOf, oneOf,
 * bounds, lengths, pattern and format.
 */
export function sampleValue(schema: JsonObject, optional: OptionalProperties): Json {
  return new SchemaSampler(schema, optional).value(schema, "", 0);
}

/** From here on only what must be there is made, so that recursive schemas end. */
const shallow = 6;
/** A schema that demands more depth than this demands an endless value. */
const deepest = 40;
/** `allOf`s within each other. */
const deepestMerge = 20;
/** Values and looks at schemas; one that asks for more (two halves at each of 40 levels) gets no more. */
const mostSteps = 200_000;

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
type Schema = Record<string, unknown>;

/** Callers write pointers with and without percent encoding. */
function percentDecoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

class SchemaSampler {
  private readonly root: Schema;
  private readonly optional: OptionalProperties;
  // changed on the way
  private steps = 0;

  constructor(root: Schema, optional: OptionalProperties) {
    this.root = root;
    this.optional = optional;
  }

  value(raw: unknown, name: string, depth: number): Json {
    if (depth > deepest || this.steps > mostSteps) return null;
    const schema = this.settle(raw, depth);
    if (schema["const"] !== undefined) return schema["const"] as Json;
    if (Array.isArray(schema["enum"])) return (schema["enum"] as Json[])[0] ?? null;
    switch (typeOf(schema)) {
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
        return stringFor(schema, name);
    }
  }

  /** References, unions and intersections resolved into one plain schema. */
  private settle(raw: unknown, depth: number, merges = 0): Schema {
    this.steps += 1;
    if (merges > deepestMerge || this.steps > mostSteps) return {};
    let schema: Schema = isObject(raw) ? raw : {};
    for (let hops = 0; hops < 20; hops += 1) {
      const { $ref, allOf, anyOf, oneOf, ...rest } = schema;
      if (typeof $ref === "string") schema = merge(this.resolve($ref), { ...rest, ...given({ allOf, anyOf, oneOf }) });
      else if (Array.isArray(allOf))
        schema = allOf.reduce<Schema>((all, part) => merge(all, this.settle(part, depth, merges + 1)), {
          ...rest,
          ...given({ anyOf, oneOf }),
        });
      else if (Array.isArray(anyOf)) schema = merge({ ...rest, ...given({ oneOf }) }, this.branch(anyOf, depth));
      else if (Array.isArray(oneOf)) schema = merge(rest, this.branch(oneOf, depth));
      else return schema;
    }
    return schema;
  }

  /** The first branch that is not null; deep down rather a null or one that refers to nothing. */
  private branch(branches: readonly unknown[], depth: number): Schema {
    const schemas = branches.filter(isObject);
    const simple =
      schemas.find((schema) => schema["type"] === "null") ?? schemas.find((schema) => schema["$ref"] === undefined);
    const usual = schemas.find((schema) => schema["type"] !== "null") ?? schemas[0];
    return (depth >= shallow ? (simple ?? usual) : usual) ?? {};
  }

  /** A JSON pointer into the root, as in `#/$defs/node`. */
  private resolve(reference: string): Schema {
    let at: unknown = this.root;
    for (const step of reference.replace(/^#\/?/, "").split("/")) {
      if (step === "") continue;
      const key = percentDecoded(step).replaceAll("~1", "/").replaceAll("~0", "~");
      at = Array.isArray(at) ? at[Number(key)] : isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
    }
    return isObject(at) ? at : {};
  }

  private object(schema: Schema, depth: number): JsonObject {
    const properties = isObject(schema["properties"]) ? schema["properties"] : {};
    const required = new Set(Array.isArray(schema["required"]) ? (schema["required"] as string[]) : undefined);
    const made = new Map<string, Json>();
    for (const [key, property] of Object.entries(properties)) {
      const wanted = required.has(key) || (depth < shallow && this.wantsOptional(schema, property, depth));
      if (wanted) made.set(key, this.value(property, key, depth + 1));
    }
    for (const key of required)
      if (!made.has(key)) made.set(key, this.value(schema["additionalProperties"], key, depth + 1));
    for (let count = 1; made.size < numberOf(schema["minProperties"], 0); count += 1) {
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
    const prefix = Array.isArray(schema["prefixItems"]) ? schema["prefixItems"] : [];
    const least = numberOf(schema["minItems"], prefix.length);
    const most = numberOf(schema["maxItems"], Infinity);
    const usual = depth >= shallow || schema["items"] === false ? 0 : 1;
    const length = Math.min(Math.max(least, prefix.length, prefix.length === 0 ? usual : 0), most, 1_000);
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
}

function numberFor(schema: Schema): number {
  const whole = typeOf(schema) === "integer";
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

function stringFor(schema: Schema, name: string): string {
  if (typeof schema["default"] === "string") return schema["default"];
  if (typeof schema["pattern"] === "string") return sampleOfPattern(schema["pattern"]) ?? "";
  const { format } = schema;
  return sized(formats[typeof format === "string" ? format : ""] ?? `example ${wordsOf(name)}`.trim(), schema);
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

function given(entries: Schema): Schema {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));
}

/** Both schemas at once: properties and required lists add up, the later one wins elsewhere. */
function merge(first: Schema, second: Schema): Schema {
  const merged: Schema = { ...first, ...second };
  if (isObject(first["properties"]) && isObject(second["properties"])) {
    merged["properties"] = { ...first["properties"], ...second["properties"] };
  }
  if (Array.isArray(first["required"]) && Array.isArray(second["required"])) {
    merged["required"] = [...new Set([...first["required"], ...second["required"]])];
  }
  return merged;
}

/** Keywords that tell the type where it is not given. */
const telltale: readonly [string, string][] = [
  ["properties", "object"],
  ["required", "object"],
  ["additionalProperties", "object"],
  ["items", "array"],
  ["prefixItems", "array"],
  ["minItems", "array"],
  ["minimum", "number"],
  ["maximum", "number"],
  ["multipleOf", "number"],
];

function typeOf(schema: Schema): string {
  const { type } = schema;
  if (typeof type === "string") return type;
  if (Array.isArray(type)) return String(type.find((one) => one !== "null") ?? "null");
  return telltale.find(([keyword]) => schema[keyword] !== undefined)?.[1] ?? "string";
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

/** Cut or filled up to the schema's length in code points. */
function sized(text: string, schema: Schema): string {
  const points = Array.from(text);
  const least = Math.min(numberOf(schema["minLength"], 0), 100_000);
  const cut = points.slice(0, numberOf(schema["maxLength"], Infinity)).join("");
  return cut + "x".repeat(Math.max(0, least - points.length));
}
