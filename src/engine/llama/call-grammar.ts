import { isObject } from "../../model/json.ts";
import type { ToolDefinition } from "../../model/request.ts";
import type { CallMarkup } from "../markup/markup.ts";
import type { Grammar } from "./grammar.ts";
import { anyOf, literal, repeat, textBefore } from "./grammar.ts";
import { regexBody, unwritableInMarkup } from "./regex-grammar.ts";
import { SchemaGrammar, bound, formats } from "./schema-grammar.ts";
import type { Schema } from "./schema-grammar.ts";

/** How a model writes calls: what opens and closes all calls of an answer, and one call of a tool. */
export interface CallForm {
  open: string;
  close: string;
  between: string;
  call: (grammar: Grammar, tool: ToolDefinition) => string;
}

/** Stands before every tag of M3 (spec sheet 8.2). */
const mark = "]<]minimax[>[";

/** The forms of spec sheet 8.1 and 8.2, and the common one of JSON in `<tool_call>` tags. */
export const callForms: Readonly<Partial<Record<CallMarkup, CallForm>>> = {
  m2: { open: "<minimax:tool_call>\n", close: "</minimax:tool_call>", between: "", call: m2Call },
  m3: { open: `${mark}<tool_call>\n`, close: `${mark}</tool_call>`, between: "", call: m3Call },
  json: { open: "", close: "", between: "\n", call: jsonCall },
};

function jsonCall(grammar: Grammar, tool: ToolDefinition): string {
  const args = new SchemaGrammar(grammar, tool.parameters).json({ type: "object", ...tool.parameters });
  const name = literal(JSON.stringify(tool.name));
  return `"<tool_call>\\n{\\"name\\": " ${name} ", \\"arguments\\": " ${args} "}\\n</tool_call>"`;
}

/** Strings stand as they are, other values as JSON. */
function m2Call(grammar: Grammar, tool: ToolDefinition): string {
  const schemas = new SchemaGrammar(grammar, tool.parameters);
  const value = (schema: Schema): string => {
    const ways = waysOf(schemas, schema);
    return grammar.rule(
      anyOf(ways.map((way) => (isText(way) ? rawText(grammar, way, "</parameter>") : schemas.json(way)))),
    );
  };
  const parameters = propertiesOf(schemas, tool.parameters).map(({ name, schema, required }) => {
    const rule = grammar.rule(`${literal(`<parameter name="${name}">`)} ${value(schema)} "</parameter>\\n"`);
    return required ? rule : `${rule}?`;
  });
  return `${literal(`<invoke name="${tool.name}">\n`)} ${parameters.join(" ")} "</invoke>\\n"`;
}

/** Objects nest as tags, arrays repeat `<item>`, and the tag is the parameter's name. */
function m3Call(grammar: Grammar, tool: ToolDefinition): string {
  const schemas = new SchemaGrammar(grammar, tool.parameters);
  const references = new Map<unknown, string>();
  const tagged = (name: string, schema: unknown): string =>
    grammar.rule(`${literal(`${mark}<${name}>`)} ${value(schema)} ${literal(`${mark}</${name}>`)}`);
  const fields = (schema: Schema): string =>
    propertiesOf(schemas, schema)
      .map(({ name, schema: own, required }) => `${tagged(name, own)}${required ? "" : "?"}`)
      .join(" ");
  const one = (schema: Schema): string => {
    if (isText(schema)) return rawText(grammar, schema, mark);
    if (isObject(schema["properties"])) return fields(schema);
    if (schema["type"] !== "array") return schemas.json(schema);
    return repeat(tagged("item", schema["items"]), bound(schema["minItems"]) ?? 0, bound(schema["maxItems"]));
  };
  const value = (schema: unknown): string => {
    // one rule per reference and per schema, so that schemas may speak of themselves
    const key = isObject(schema) ? (schema["$ref"] ?? schema) : undefined;
    const known = references.get(key);
    if (known !== undefined) return known;
    const name = grammar.reserve();
    if (key !== undefined) references.set(key, name);
    grammar.define(name, anyOf(waysOf(schemas, isObject(schema) ? schema : {}).map(one)));
    return name;
  };
  const parameters = fields(schemas.resolve(tool.parameters));
  return `${literal(`${mark}<invoke name="${tool.name}">`)} ${parameters} ${literal(`${mark}</invoke>\n`)}`;
}

function propertiesOf(
  schemas: SchemaGrammar,
  schema: Schema,
): readonly { name: string; schema: Schema; required: boolean }[] {
  const whole = schemas.choices(schemas.resolve(schema))[0] ?? {};
  const properties = isObject(whole["properties"]) ? whole["properties"] : {};
  const required: readonly unknown[] = Array.isArray(whole["required"]) ? whole["required"] : [];
  return Object.entries(properties).map(([name, own]) => ({
    name,
    schema: isObject(own) ? own : {},
    required: required.includes(name),
  }));
}

/** Combinations nested deeper than this are left to JSON. */
const deepestWays = 8;

/** All that a value may be, one schema each, texts apart from other values: they are written differently. */
function waysOf(schemas: SchemaGrammar, schema: Schema, depth = 0): Schema[] {
  const ways = schemas.choices(schemas.resolve(schema));
  return ways.flatMap((way) => {
    const combined = "$ref" in way || "anyOf" in way || "oneOf" in way || Array.isArray(way["type"]);
    return combined && depth < deepestWays ? waysOf(schemas, way, depth + 1) : partedEnum(way);
  });
}

function partedEnum(schema: Schema): Schema[] {
  const { enum: values } = schema;
  if (!Array.isArray(values)) return [schema];
  const texts = values.filter((value) => typeof value === "string");
  const others = values.filter((value) => typeof value !== "string");
  return [texts, others].filter((part) => part.length > 0).map((part) => ({ ...schema, enum: part }));
}

/** Whether a value stands in the markup as bare text. */
function isText(schema: Schema): boolean {
  const { const: only, enum: values, type } = schema;
  if ("const" in schema) return typeof only === "string";
  if (Array.isArray(values)) return values.every((value) => typeof value === "string");
  return type === "string" || (type === undefined && Object.keys(schema).every((key) => key === "description"));
}

/** Bare text up to the tag that ends it. */
function rawText(grammar: Grammar, schema: Schema, end: string): string {
  if (typeof schema["const"] === "string") return literal(schema["const"]);
  const values: unknown = schema["enum"];
  if (Array.isArray(values)) return anyOf(values.map((value) => literal(String(value))));
  const known = typeof schema["format"] === "string" ? formats[schema["format"]] : undefined;
  const shape =
    known ?? (typeof schema["pattern"] === "string" ? regexBody(schema["pattern"], unwritableInMarkup) : undefined);
  if (shape !== undefined) return shape;
  const least = bound(schema["minLength"]) ?? 0;
  const most = bound(schema["maxLength"]);
  // counted text may not hold the signs that begin tags: few texts do, and the count stays one rule
  if (most !== undefined) return repeat("[^<\\]]", least, most);
  return `${least === 0 ? "" : repeat("[^<\\]]", least, least)} ${textBefore(grammar, end)}`;
}
