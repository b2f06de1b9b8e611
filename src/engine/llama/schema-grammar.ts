import { SchemaReader } from "../../lib/json-schema/reader.ts";
import {
  prefixItemsOf,
  propertiesOf,
  requiredOf,
  type Schema,
  typeOf,
  valuesOf,
} from "../../lib/json-schema/schema.ts";
import { invalid } from "../../model/error.ts";
import type { Grammar } from "./grammar.ts";
import { anyOf, literal, repeat } from "./grammar.ts";
import type { Range } from "./number-grammar.ts";
import { integerIn, numberIn } from "./number-grammar.ts";
import { regexBody, unwritableInJson } from "./regex-grammar.ts";

/** llama.cpp refuses repetitions beyond 2,000 in all. */
const maxRepeats = 1000;
/** A body longer than this becomes a rule, so that it stands in the grammar once. */
const maxInlineChars = 60;

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
 * allOf (intersected), local $ref, the formats above, and `pattern` as far as `regex-grammar.ts` writes it (of a text's
 * format, pattern and length the first holds). Other keywords are not enforced. What comes out never has a property
 * that the schema does not name, unless it names none.
 *
 * The library's own `LlamaJsonSchemaGrammar` (node-llama-cpp 3.22.1) does not do: it ignores `required` and makes every
 * property obligatory, has no `pattern`, no bounds of numbers, no `anyOf` and `allOf`, and reads `$ref` only into
 * `#/$defs`; what it does not know it drops with a warning or refuses with an exception.
 */
export class SchemaGrammar {
  // fixed at birth
  private readonly grammar: Grammar;
  private readonly reader: SchemaReader;
  // changed by events
  /** Rules by the schema they hold an answer to, so that schemas may contain themselves. */
  private readonly rules = new Map<Schema, string>();
  /** Bodies by alternatives. */
  private readonly bodies = new Map<readonly Schema[], string>();

  /** Throws `invalid`, as all methods do, for a schema that no answer can fit or that cannot be read. */
  constructor(grammar: Grammar, root: Schema) {
    this.grammar = grammar;
    this.reader = new SchemaReader(root, { missing: "refuse", refuse: (problem) => invalid("schema", problem) });
  }

  /** The body that matches JSON text of a part of the schema. */
  json(part: unknown): string {
    const ways = this.alternatives(part);
    const known = this.bodies.get(ways);
    if (known !== undefined) return known;
    const body = anyOf([...new Set(ways.map((way) => this.plain(way)))]);
    const made = body.length > maxInlineChars ? this.grammar.rule(body) : body;
    this.bodies.set(ways, made);
    return made;
  }

  /** What a part of the schema allows, in normal form; one alternative at least. */
  alternatives(part: unknown): readonly Schema[] {
    return some(this.reader.alternatives(part));
  }

  /** Makes the rule of a schema within another one; refuses when they nest too deep. */
  within(make: () => string): string {
    return this.reader.within(make);
  }

  /** The body that matches JSON text of one alternative. */
  plain(schema: Schema): string {
    const values = valuesOf(schema);
    if (values !== undefined) return anyOf(some(values).map((value) => literal(JSON.stringify(value))));
    switch (typeOf(schema)) {
      case "object":
        return this.once(schema, () => this.object(schema));
      case "array":
        return this.once(schema, () => this.array(schema));
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

  private once(schema: Schema, make: () => string): string {
    const known = this.rules.get(schema);
    if (known !== undefined) return known;
    const name = this.grammar.reserve();
    this.rules.set(schema, name);
    this.grammar.define(name, this.within(make));
    return name;
  }

  private object(schema: Schema): string {
    const properties = propertiesOf(schema);
    const required = new Set(requiredOf(schema));
    const names = [...new Set([...Object.keys(properties), ...required])];
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
    const first = prefixItemsOf(schema);
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

/** A length or count of a schema, as far as a grammar can hold it; undefined where there is none. */
export function bound(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? Math.min(value, maxRepeats) : undefined;
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
