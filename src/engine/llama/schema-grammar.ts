import { SchemaReader } from "../../lib/json-schema/reader.ts";
import {
  allowedValues,
  arrayForm,
  countOf,
  fieldsOf,
  numberBounds,
  stepForm,
  textForm,
} from "../../lib/json-schema/form.ts";
import { type Schema, typeOf } from "../../lib/json-schema/schema.ts";
import { copySteps } from "../../lib/json-schema/work.ts";
import { maxCount } from "../../lib/regex/sized.ts";
import { unusable } from "../schema-path.ts";
import type { Grammar } from "./grammar.ts";
import { anyOf, literal, repeat } from "./grammar.ts";
import type { Range } from "./number-grammar.ts";
import { integerIn, numberIn } from "./number-grammar.ts";
import { requireNarrow } from "./schema-width.ts";
import { written } from "./regex-grammar.ts";

/** A body longer than this becomes a rule, so that it stands in the grammar once. */
const maxInlineChars = 60;

/** A little white space, as models write it; bounded, so that greedy decoding cannot fill an answer with it. */
const whiteSpace = '(" " | "\\n" [ \\t]{0,20})?';
const character = '([^"\\\\\\x7F\\x00-\\x1F] | [\\\\] (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4}))';
const wholeNumber = '("0" | [1-9] [0-9]{0,14})';
const fraction = '("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?';
/** Escapes of one byte only: a pair of halves would count as one character. Without counts, which llama.cpp multiplies. */
const counted = '([^"\\\\\\x7F\\x00-\\x1F] | [\\\\] (["\\\\/bfnrt] | "u00" [0-9a-fA-F] [0-9a-fA-F]))';

/**
 * JSON Schema to GBNF, by the forms of `lib/json-schema/form.ts`: what these leave out is not enforced, and
 * `lib/json-schema/held.ts` finds it. What comes out never has a property that the schema does not name, unless it names
 * none.
 *
 * The library's own `LlamaJsonSchemaGrammar` (node-llama-cpp 3.22.1) does not do: it ignores `required` and makes every
 * property obligatory, has no `pattern`, no bounds of numbers, no `anyOf` and `allOf`, and reads `$ref` only into
 * `#/$defs`; what it does not know it drops with a warning or refuses with an exception.
 */
export class SchemaGrammar {
  // fixed at birth
  readonly grammar: Grammar;
  private readonly reader: SchemaReader;
  // changed by events
  /** Rules by the schema they hold an answer to, so that schemas may contain themselves. */
  private readonly rules = new Map<Schema, string>();
  /** Bodies by alternatives. */
  private readonly bodies = new Map<readonly Schema[], string>();

  /** Throws `unusable`, as all methods do, for a schema that no answer can fit or that cannot be read. */
  constructor(grammar: Grammar, root: Schema) {
    this.grammar = grammar;
    this.reader = new SchemaReader(root, { missing: "refuse", refuse: unusable, work: grammar.work });
  }

  /** Throws `unusable` where texts of the schema, as `whole` reads it, may be read in too many ways at once. */
  requireNarrow(whole: unknown): void {
    requireNarrow(this.reader, whole);
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

  /** Counts the work for one alternative; refuses when there is too much of it. */
  spend(schema: Schema): void {
    this.reader.spend(copySteps(schema));
  }

  /** The body that matches JSON text of one alternative. */
  plain(schema: Schema): string {
    this.spend(schema);
    const values = allowedValues(schema);
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

  private get space(): string {
    return this.grammar.rule(whiteSpace);
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
    const fields = fieldsOf(schema);
    if (fields === undefined) return this.openObject(schema);
    const { space } = this;
    const pairs = fields.map(({ name, part, required }) => ({
      pair: this.grammar.rule(`${literal(JSON.stringify(name))} ":" ${space} ${this.json(part)}`),
      required,
    }));
    return this.grammar.rule(`"{" ${space} ${this.fieldList(pairs)} ${space} "}"`);
  }

  /** Fields in order, those not required may be missing; two rules per field, for the comma before all but the first. */
  private fieldList(fields: readonly { pair: string; required: boolean }[]): string {
    requireFew(fields.filter(({ required }) => !required).length);
    const { space } = this;
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
    const { space } = this;
    const value = this.json(schema["additionalProperties"]);
    const pair = this.grammar.rule(`${text({})} ":" ${space} ${value}`);
    const most = bound(schema["maxProperties"]);
    if (most === 0) return `"{" ${space} "}"`;
    const more = repeat(`("," ${space} ${pair})`, 0, most === undefined ? undefined : most - 1);
    return this.grammar.rule(`"{" ${space} (${pair} ${more})? ${space} "}"`);
  }

  /** Listed items are all there, as far as the schema's number of items allows. */
  private array(schema: Schema): string {
    const { space } = this;
    const { first, rest, least, most } = arrayForm(schema);
    const end = Number.isFinite(most) ? Math.min(most, maxCount) : undefined;
    const listed = first.slice(0, end).map((part) => this.json(part));
    const open = end === undefined || end > listed.length;
    if (!open && listed.length === 0) return `"[" ${space} "]"`;
    if (!open) return this.grammar.rule(`"[" ${space} ${listed.join(` "," ${space} `)} ${space} "]"`);
    const item = this.grammar.rule(this.json(rest));
    const missing = Math.max(0, Math.min(least, maxCount) - listed.length);
    const head = listed.length > 0 ? listed : missing > 0 ? [item] : [];
    const done = head.length - listed.length;
    const following = (count: number): string =>
      repeat(`("," ${space} ${item})`, Math.max(0, missing - count), end && end - listed.length - count);
    const items = head.length > 0 ? `${head.join(` "," ${space} `)} ${following(done)}` : `(${item} ${following(1)})?`;
    return this.grammar.rule(`"[" ${space} ${items} ${space} "]"`);
  }
}

/** Optional properties of one object; llama.cpp's time to read them grows with the square of their number. */
const maxOptional = 1_200;

function requireFew(optional: number): void {
  if (optional > maxOptional) throw unusable(`has more than ${maxOptional} optional properties in one object`);
}

/** Any JSON object, for answers that only have to be JSON. */
export function anyObject(grammar: Grammar): string {
  return new SchemaGrammar(grammar, {}).json({ type: "object" });
}

function anyValue(grammar: Grammar): string {
  const space = grammar.rule(whiteSpace);
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

/** Choices that are there. Throws `unusable` where there are none. */
export function some<Choice>(choices: readonly Choice[]): readonly Choice[] {
  if (choices.length === 0) throw unusable("leaves no choice: an empty list of types, values or alternatives");
  return choices;
}

/** A length or count of a schema, as far as a grammar can hold it; undefined where there is none. */
export function bound(value: unknown): number | undefined {
  const count = countOf(value);
  return count === undefined ? undefined : Math.min(count, maxCount);
}

function text(schema: Schema): string {
  const form = textForm(schema);
  if (form !== undefined) return `"\\"" ${written(form)} "\\""`;
  const [least, most] = [bound(schema["minLength"]) ?? 0, bound(schema["maxLength"])];
  return `"\\"" ${repeat(least === 0 && most === undefined ? character : counted, least, most)} "\\""`;
}

/** Bounds as number grammars take them; undefined where there are none. */
function rangeOf(schema: Schema): Range | undefined {
  const { least, most, openLeast, openMost } = numberBounds(schema);
  if (least === -Infinity && most === Infinity) return undefined;
  return {
    least: least === -Infinity ? undefined : least,
    openLeast,
    most: most === Infinity ? undefined : most,
    openMost,
  };
}

function integer(schema: Schema): string {
  const steps = stepped(schema);
  if (steps !== undefined) return steps;
  const range = rangeOf(schema);
  if (range === undefined) return `"-"? ${wholeNumber}`;
  const body = integerIn(range);
  return body ?? anyOf(some([]));
}

/** Multiples of a step; undefined where there is none, or none that can be held. */
function stepped(schema: Schema): string | undefined {
  const form = stepForm(schema);
  switch (form?.kind) {
    case "values":
      return anyOf(some(form.values).map((value) => literal(JSON.stringify(value))));
    case "endings": {
      const small = form.small.map((value) => literal(String(value)));
      const large = `[1-9] [0-9]{0,10} ${anyOf(form.endings.map(literal))}`;
      return `${form.negative ? '"-"? ' : ""}${anyOf([...small, large])}`;
    }
    case "places":
      return `${form.negative ? '"-"? ' : ""}${wholeNumber} ("." [0-9]{1,${form.places}})?`;
    default:
      return undefined;
  }
}

function decimal(schema: Schema): string {
  const steps = stepped(schema);
  if (steps !== undefined) return steps;
  const range = rangeOf(schema);
  if (range === undefined) return `"-"? ${wholeNumber} ${fraction}`;
  const { least = -Infinity, most = Infinity, openLeast, openMost } = range;
  if (least > most || (least === most && (openLeast || openMost))) some([]);
  return numberIn(range);
}
