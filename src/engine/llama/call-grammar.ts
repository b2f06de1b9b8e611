import { allowedValues, arrayForm, type Field, fieldsOf, textForm } from "../../lib/json-schema/form.ts";
import { argumentsSchema, type Schema, typeOf, valuesOf } from "../../lib/json-schema/schema.ts";
import { invalid } from "../../model/error.ts";
import { isObject } from "../../model/json.ts";
import type { ToolDefinition } from "../../model/request.ts";
import type { CallMarkup } from "../markup/markup.ts";
import type { Grammar } from "./grammar.ts";
import { anyOf, literal, repeat, textBefore } from "./grammar.ts";
import { unwritableInMarkup, written } from "./regex-grammar.ts";
import { SchemaGrammar, bound, some } from "./schema-grammar.ts";

/** How a model writes calls: what opens and closes all calls of an answer, and one call of a tool. */
export interface CallForm {
  open: string;
  close: string;
  /** What stands at the start of every call or block of calls, and in no other text. */
  opening: string;
  /** What a vocabulary may hold as one token each. */
  tags: readonly string[];
  between: string;
  call: (grammar: Grammar, tool: ToolDefinition) => string;
}

/** Stands before every tag of M3 (chat_template.jinja of MiniMax-M3, 2026-06). */
const mark = "]<]minimax[>[";

/**
 * The forms of MiniMax-M2 (its docs/tool_calling_guide.md, 2026-03) and MiniMax-M3 (its chat_template.jinja, 2026-06),
 * and the common one of JSON in `<tool_call>` tags.
 */
export const callForms: Readonly<Partial<Record<CallMarkup, CallForm>>> = {
  m2: {
    open: "<minimax:tool_call>\n",
    close: "</minimax:tool_call>",
    opening: "<minimax:tool_call>",
    tags: ["<minimax:tool_call>", "</minimax:tool_call>"],
    between: "",
    call: m2Call,
  },
  m3: {
    open: `${mark}<tool_call>\n`,
    close: `${mark}</tool_call>`,
    opening: `${mark}<tool_call>`,
    tags: [mark],
    between: "",
    call: m3Call,
  },
  json: {
    open: "",
    close: "",
    opening: "<tool_call",
    tags: ["<tool_call>", "</tool_call>"],
    between: "\n",
    call: jsonCall,
  },
};

function jsonCall(grammar: Grammar, tool: ToolDefinition): string {
  const schema = argumentsSchema(tool.parameters);
  const schemas = new SchemaGrammar(grammar, schema);
  schemas.requireNarrow(schema);
  const args = schemas.json(schema);
  const name = literal(JSON.stringify(tool.name));
  return `"<tool_call>\\n{\\"name\\": " ${name} ", \\"arguments\\": " ${args} "}\\n</tool_call>"`;
}

/** Strings stand as they are, other values as JSON. */
function m2Call(grammar: Grammar, tool: ToolDefinition): string {
  const root = argumentsSchema(tool.parameters);
  const schemas = new SchemaGrammar(grammar, root);
  schemas.requireNarrow(root);
  const value = (part: unknown): string => {
    const ways = waysOf(schemas, part);
    return grammar.rule(
      anyOf(ways.map((way) => (isText(way) ? rawText(schemas, way, "</parameter>") : schemas.plain(way)))),
    );
  };
  const parameters = (schema: Schema): string =>
    parametersOf(schema, m2Name)
      .map(({ name, part, required }) => {
        const rule = grammar.rule(`${literal(`<parameter name="${name}">`)} ${value(part)} "</parameter>\\n"`);
        return required ? rule : `${rule}?`;
      })
      .join(" ") || '""';
  const args = anyOf(schemas.alternatives(root).map(parameters));
  return `${literal(`<invoke name="${toolName(tool, m2Name)}">\n`)} ${args} "</invoke>\\n"`;
}

/** Objects nest as tags, arrays repeat `<item>`, and the tag is the parameter's name. */
function m3Call(grammar: Grammar, tool: ToolDefinition): string {
  const root = argumentsSchema(tool.parameters);
  const schemas = new SchemaGrammar(grammar, root);
  schemas.requireNarrow(root);
  /** One rule per list of alternatives, so that schemas may contain themselves. */
  const rules = new Map<readonly Schema[], string>();
  const tagged = (name: string, part: unknown): string =>
    grammar.rule(`${literal(`${mark}<${name}>`)} ${value(part)} ${literal(`${mark}</${name}>`)}`);
  const fields = (schema: Schema): string =>
    parametersOf(schema, m3Name)
      .map(({ name, part, required }) => `${tagged(name, part)}${required ? "" : "?"}`)
      .join(" ") || '""';
  const one = (schema: Schema): string => {
    if (isText(schema)) return rawText(schemas, schema, mark);
    schemas.spend(schema);
    const type = valuesOf(schema) === undefined ? typeOf(schema) : undefined;
    if (type === "object" && isObject(schema["properties"])) return fields(schema);
    if (type !== "array") return schemas.plain(schema);
    const { first, rest, least, most } = arrayForm(schema);
    const listed = first.slice(0, most).map((part) => tagged("item", part));
    if (most <= listed.length) return listed.length === 0 ? '""' : listed.join(" ");
    const missing = Math.max(0, (bound(least) ?? 0) - listed.length);
    return [...listed, repeat(tagged("item", rest), missing, bound(most - listed.length))].join(" ");
  };
  const value = (part: unknown): string => {
    const key = schemas.alternatives(part);
    const known = rules.get(key);
    if (known !== undefined) return known;
    const name = grammar.reserve();
    rules.set(key, name);
    grammar.define(
      name,
      schemas.within(() => anyOf(waysOf(schemas, part).map(one))),
    );
    return name;
  };
  const args = anyOf(schemas.alternatives(root).map(fields));
  return `${literal(`${mark}<invoke name="${toolName(tool, m3ToolName)}">`)} ${args} ${literal(`${mark}</invoke>\n`)}`;
}

/** How the markup writes a name; undefined where it cannot. */
type WrittenName = (name: string) => string | undefined;

const m2Entities: Readonly<Record<string, string>> = {
  "<": "&lt;",
  ">": "&gt;",
  "&": "&amp;",
  '"': "&quot;",
  "'": "&apos;",
};

/** Names stand between quotation marks; what would end them there is written as an entity. */
function m2Name(name: string): string | undefined {
  const found = name.replace(/[<>"']|&(?=(?:lt|gt|amp|quot|apos);)/g, (sign) => m2Entities[sign] ?? sign);
  return /^[^\n]{1,256}$/.test(found) ? found : undefined;
}

/** Names of parameters are tags. */
function m3Name(name: string): string | undefined {
  return /^[^<>/\n][^<>\n]{0,255}$/.test(name) ? name : undefined;
}

function m3ToolName(name: string): string | undefined {
  return /^[^<>"'\n]{1,256}$/.test(name) ? name : undefined;
}

function toolName({ name }: ToolDefinition, written: WrittenName): string {
  return written(name) ?? refuseName(name);
}

function refuseName(name: string): never {
  throw invalid("tools", `this model cannot write the name ${JSON.stringify(name.slice(0, 100))}`);
}

/**
 * The parameters of one alternative of a tool's schema, under the names that stand in the markup. A tool whose parameters are
 * not named gets none: markup writes each under its name. Throws `invalid` for one that must be there and cannot be written.
 */
function parametersOf(schema: Schema, written: WrittenName): readonly Field[] {
  const values = valuesOf(schema);
  const whole = values === undefined ? schema : objectOf(values.find(isObject) ?? {});
  return (fieldsOf(whole) ?? []).flatMap((field) => {
    const name = written(field.name);
    if (name !== undefined) return [{ ...field, name }];
    return field.required ? refuseName(field.name) : [];
  });
}

/** The schema that only one object fits. */
function objectOf(value: Readonly<Record<string, unknown>>): Schema {
  const properties = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, { const: member }]));
  return { type: "object", properties, required: Object.keys(value), additionalProperties: false };
}

/** All that a value may be, texts apart from other values: they are written differently. */
function waysOf(schemas: SchemaGrammar, part: unknown): readonly Schema[] {
  const ways = schemas.alternatives(part).flatMap((schema) => {
    const values = allowedValues(schema);
    if (values === undefined) return [schema];
    const texts = values.filter((value) => typeof value === "string");
    const others = values.filter((value) => typeof value !== "string");
    return [texts, others].filter((half) => half.length > 0).map((half) => ({ ...schema, enum: half }));
  });
  return some(ways);
}

/** Whether a value stands in the markup as bare text. */
function isText(schema: Schema): boolean {
  const values = valuesOf(schema);
  if (values !== undefined) return values.every((value) => typeof value === "string");
  const type = typeOf(schema);
  return type === "string" || (type === undefined && Object.keys(schema).every((key) => key === "description"));
}

/** A sign of counted bare text, and the one that must not be a newline, so that the count holds. */
const sign = "[^<\\]]";
const solid = "[^<\\]\\n]";

/** Bare text up to the tag that ends it; a newline before the tag is none of its own. Throws `invalid` where no value can be written so. */
function rawText(schemas: SchemaGrammar, schema: Schema, end: string): string {
  schemas.spend(schema);
  const values = allowedValues(schema)?.map(String);
  if (values !== undefined) {
    return anyOf(some(values.filter((text) => !text.includes(end) && !text.endsWith("\n"))).map(literal));
  }
  const form = textForm(schema, unwritableInMarkup);
  if (form !== undefined) return written(form);
  const least = bound(schema["minLength"]) ?? 0;
  const most = bound(schema["maxLength"]);
  // counted text may not hold the signs that begin tags: few texts do, and the count stays one rule
  if (most !== undefined) return least === 0 ? repeat(sign, 0, most) : `${repeat(sign, least - 1, most - 1)} ${solid}`;
  return `${least === 0 ? "" : `${repeat(sign, least - 1, least - 1)} ${solid}`} ${textBefore(schemas.grammar, end)}`;
}
