import { invalid } from "../../model/error.ts";
import { isObject } from "../../model/json.ts";
import type { Grammar } from "./grammar.ts";
import { anyOf, literal, repeat } from "./grammar.ts";
import type { Range } from "./number-grammar.ts";
import { integerIn, numberIn } from "./number-grammar.ts";
import { regexBody, unwritableInJson } from "./regex-grammar.ts";

/** A JSON Schema or a part of one. */
export type Schema = Record<string, unknown>;

/** llama.cpp refuses repetitions beyond 2,000 in all. */
const mostRepeats = 1000;
/** `$ref`s that only point to each other end here. */
const deepestReference = 32;
/** Schemas within schemas, references followed; beyond it they hold themselves without end. */
const deepest = 400;

/** What decides before the type does. */
const unsettled = ["$ref", "const", "enum", "allOf", "anyOf", "oneOf"] as const;

/** A little white space, as models write it; bounded, so that greedy decoding cannot fill an answer with it. */
const space = '(" " | "\\n" [ \\t]{0,20})?';
const character = '([^"\\\\\\x7F\\x00-\\x1F] | [\\\\] (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4}))';
const wholeNumber = '("0" | [1-9] [0-9]{0,14})';
const fraction = '("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?';
const digits = (count: number): string => repeat("[0-9]", count, count);
const hex = (count: number): string => repeat("[0-9a-f]", count, count);
const day = `${digits(4)} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | "1" [0-9] | "2" [0-8])`;
const clock = '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,6})? "Z"';
/** Formats with a form of their own; of the others any text will do. Days end at the 28th, which every month has. */
export const formats: Readonly<Record<string, string>> = {
  date: day,
  time: clock,
  "date-time": `${day} "T" ${clock}`,
  uuid: `${hex(8)} "-" ${hex(4)} "-4" ${hex(3)} "-" [89ab] ${hex(3)} "-" ${hex(12)}`,
};

/**
 * JSON Schema to GBNF. Known: types and lists of them, properties in the schema's order with required ones, additional
 * properties where no property is named, items, prefixItems, length and number bounds, enum, const, anyOf, oneOf,
 * allOf (merged), local $ref, the formats above, and `pattern` as far as `regex-grammar.ts` reads it (of a text's
 * format, pattern and length the first holds). Other keywords are not enforced. What comes out never has a property
 * that the schema does not name, unless it names none.
 */
export class SchemaGrammar {
  // fixed at birth
  private readonly grammar: Grammar;
  private readonly root: Schema;
  // changed by events
  private readonly references = new Map<unknown, string>();
  private depth = 0;

  constructor(grammar: Grammar, root: Schema) {
    this.grammar = grammar;
    this.root = root;
  }

  /** The body that matches JSON text of the schema. */
  json(schema: unknown): string {
    if (!isObject(schema)) return anyValue(this.grammar);
    if (typeof schema["$ref"] === "string") return this.reference(schema["$ref"]);
    if ("const" in schema) return literal(JSON.stringify(schema["const"]));
    if (Array.isArray(schema["enum"]))
      return anyOf(some(schema["enum"]).map((value) => literal(JSON.stringify(value))));
    const combined = "allOf" in schema || "anyOf" in schema || "oneOf" in schema;
    return combined ? this.once(schema, () => this.chosen(schema)) : this.chosen(schema);
  }

  private chosen(schema: Schema): string {
    const choices = some(this.choices(schema));
    if (choices.length > 1) return this.grammar.rule(anyOf(choices.map((choice) => this.json(choice))));
    return this.typed(choices[0] ?? schema);
  }

  /** The schema without combinations: `anyOf`, `oneOf` and lists of types as one schema each, `allOf` merged in. */
  choices(schema: Schema): Schema[] {
    const plain = this.merged(schema);
    const ways = plain["anyOf"] ?? plain["oneOf"];
    if (Array.isArray(ways)) {
      const { anyOf: _any, oneOf: _one, ...rest } = plain;
      return ways.map((way) => merge(rest, isObject(way) ? way : {}));
    }
    const type = plain["type"];
    return Array.isArray(type) ? type.map((one: unknown) => ({ ...plain, type: one })) : [plain];
  }

  /** What a local `$ref` points to, followed to the end. */
  resolve(schema: Schema, depth = 0): Schema {
    const pointer = schema["$ref"];
    if (typeof pointer !== "string") return schema;
    let place: unknown = this.root;
    for (const step of pointer.replace(/^#\/?/u, "").split("/")) {
      const key = percentDecoded(step).replaceAll("~1", "/").replaceAll("~0", "~");
      if (key !== "") place = memberOf(place, key);
    }
    if (!pointer.startsWith("#") || !isObject(place) || depth > deepestReference) {
      throw invalid("schema", `'$ref' ${pointer} points nowhere in the schema`);
    }
    return this.resolve(place, depth + 1);
  }

  private merged(schema: Schema, depth = 0): Schema {
    const { allOf, ...rest } = schema;
    if (!Array.isArray(allOf)) return schema;
    if (depth > deepestReference) throw invalid("schema", "'allOf' merges a schema into itself");
    const parts = allOf.map((part) => (isObject(part) ? this.merged(this.resolve(part), depth + 1) : {}));
    return parts.reduce(merge, rest);
  }

  private reference(pointer: string): string {
    return this.once(pointer, () => this.json(this.resolve({ $ref: pointer })));
  }

  /** One rule per reference and per combination, so that schemas may speak of themselves. */
  private once(key: unknown, make: () => string): string {
    const known = this.references.get(key);
    if (known !== undefined) return known;
    if (this.depth >= deepest) throw invalid("schema", "holds schemas within each other without end");
    const name = this.grammar.reserve();
    this.references.set(key, name);
    this.depth += 1;
    this.grammar.define(name, make());
    this.depth -= 1;
    return name;
  }

  private typed(schema: Schema): string {
    // an alternative may itself be combined
    if (unsettled.some((word) => word in schema) || Array.isArray(schema["type"])) return this.json(schema);
    switch (schema["type"] ?? impliedType(schema)) {
      case "object":
        return this.object(schema);
      case "array":
        return this.array(schema);
      case "string":
        return text(schema);
      case "integer":
        return this.grammar.rule(integer(schema));
      case "number":
        return this.grammar.rule(decimal(schema));
      case "boolean":
        return '("true" | "false")';
      case "null":
        return '"null"';
      default:
        return anyValue(this.grammar);
    }
  }

  private object(schema: Schema): string {
    const properties = isObject(schema["properties"]) ? schema["properties"] : {};
    const required = new Set(Array.isArray(schema["required"]) ? (schema["required"] as unknown[]) : []);
    const names = [
      ...new Set([...Object.keys(properties), ...[...required].filter((name) => typeof name === "string")]),
    ];
    if (names.length === 0) return this.openObject(schema);
    const fields = names.map((name) => ({
      pair: this.grammar.rule(`${literal(JSON.stringify(name))} ":" ${space} ${this.json(properties[name])}`),
      required: required.has(name),
    }));
    return this.grammar.rule(`"{" ${space} ${this.fieldList(fields)} ${space} "}"`);
  }

  /** Fields in order, those not required may be missing; two rules per field, for the comma before all but the first. */
  private fieldList(fields: readonly { pair: string; required: boolean }[]): string {
    let first = '""';
    let later = '""';
    for (const { pair, required } of fields.toReversed()) {
      const begun = `${pair} ${later}`;
      const following = `"," ${space} ${pair} ${later}`;
      const [skippedFirst, skippedLater] = [first, later];
      first = this.grammar.rule(required ? begun : `${begun} | ${skippedFirst}`);
      later = this.grammar.rule(required ? following : `${following} | ${skippedLater}`);
    }
    return first;
  }

  private openObject(schema: Schema): string {
    if (schema["additionalProperties"] === false) return `"{" ${space} "}"`;
    const value = this.json(schema["additionalProperties"]);
    const pair = this.grammar.rule(`${text({})} ":" ${space} ${value}`);
    return this.grammar.rule(`"{" ${space} (${pair} ("," ${space} ${pair})*)? ${space} "}"`);
  }

  private array(schema: Schema): string {
    const first = Array.isArray(schema["prefixItems"]) ? (schema["prefixItems"] as unknown[]) : [];
    if (first.length > 0) {
      const parts = first.map((part) => this.json(part)).join(` "," ${space} `);
      return this.grammar.rule(`"[" ${space} ${parts} ${space} "]"`);
    }
    const item = this.grammar.rule(this.json(schema["items"]));
    const least = bound(schema["minItems"]) ?? 0;
    const most = bound(schema["maxItems"]);
    if (most === 0) return `"[" ${space} "]"`;
    const more = repeat(`("," ${space} ${item})`, Math.max(0, least - 1), most === undefined ? undefined : most - 1);
    const items = least > 0 ? `${item} ${more}` : `(${item} ${more})?`;
    return this.grammar.rule(`"[" ${space} ${items} ${space} "]"`);
  }
}

/** Any JSON object, for answers that only have to be JSON. */
export function anyObject(grammar: Grammar): string {
  return new SchemaGrammar(grammar, {}).json({ type: "object" });
}

function anyValue(grammar: Grammar): string {
  return grammar.shared("any value", (value) => {
    const pair = `${text({})} ":" ${space} ${value}`;
    return [
      `"{" ${space} (${pair} ("," ${space} ${pair})*)? ${space} "}"`,
      `"[" ${space} (${value} ("," ${space} ${value})*)? ${space} "]"`,
      text({}),
      `"-"? ${wholeNumber} ${fraction}`,
      '"true" | "false" | "null"',
    ].join(" | ");
  });
}

/** Choices that are there. */
function some<Choice>(choices: readonly Choice[]): readonly Choice[] {
  if (choices.length === 0) throw invalid("schema", "leaves no choice: an empty list of types, values or alternatives");
  return choices;
}

/** Callers write pointers with and without percent encoding. */
function percentDecoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

function memberOf(place: unknown, key: string): unknown {
  if (Array.isArray(place)) return (place as unknown[])[Number(key)];
  return isObject(place) && Object.hasOwn(place, key) ? place[key] : undefined;
}

function merge(one: Schema, other: Schema): Schema {
  const properties = { ...asObject(one["properties"]), ...asObject(other["properties"]) };
  const required = [...asList(one["required"]), ...asList(other["required"])];
  return {
    ...one,
    ...other,
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
    ...(required.length === 0 ? {} : { required }),
  };
}

function asObject(value: unknown): Schema {
  return isObject(value) ? value : {};
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function impliedType(schema: Schema): string | undefined {
  if ("properties" in schema || "required" in schema || "additionalProperties" in schema) return "object";
  return "items" in schema || "prefixItems" in schema ? "array" : undefined;
}

/** A length or count of a schema, as far as a grammar can hold it; undefined where there is none. */
export function bound(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? Math.min(value, mostRepeats) : undefined;
}

function text(schema: Schema): string {
  const known = typeof schema["format"] === "string" ? formats[schema["format"]] : undefined;
  if (known !== undefined) return `"\\"" ${known} "\\""`;
  const pattern = typeof schema["pattern"] === "string" ? regexBody(schema["pattern"], unwritableInJson) : undefined;
  if (pattern !== undefined) return `"\\"" ${pattern} "\\""`;
  return `"\\"" ${repeat(character, bound(schema["minLength"]) ?? 0, bound(schema["maxLength"]))} "\\""`;
}

/** A schema's number bounds: of an included and an excluded one the narrower. */
function rangeOf(schema: Schema): Range | undefined {
  const [from, above] = [number(schema["minimum"]), number(schema["exclusiveMinimum"])];
  const [to, below] = [number(schema["maximum"]), number(schema["exclusiveMaximum"])];
  if ([from, above, to, below].every((bound) => bound === undefined)) return undefined;
  const openLeast = above !== undefined && (from === undefined || above >= from);
  const openMost = below !== undefined && (to === undefined || below <= to);
  return { least: openLeast ? above : from, openLeast, most: openMost ? below : to, openMost };
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function integer(schema: Schema): string {
  const range = rangeOf(schema);
  return (range === undefined ? undefined : integerIn(range)) ?? `"-"? ${wholeNumber}`;
}

function decimal(schema: Schema): string {
  const range = rangeOf(schema);
  return range === undefined ? `"-"? ${wholeNumber} ${fraction}` : numberIn(range);
}
