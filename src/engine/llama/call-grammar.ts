import { allowedValues, arrayForm, type Field, fieldsOf, textForm } from "../../lib/json-schema/form.ts";
import { type Schema, typeOf, valuesOf } from "../../lib/json-schema/schema.ts";
import { isObject } from "../../model/json.ts";
import type { ToolDefinition } from "../../model/request.ts";
import type { CallMarkup } from "../markup/markup.ts";
import type { Grammar } from "./grammar.ts";
import { anyOf, literal, repeat, textBefore } from "./grammar.ts";
import { unwritableInMarkup, written } from "./regex-grammar.ts";
import { SchemaGrammar, bound } from "./schema-grammar.ts";

/** How a model writes calls: what opens and closes all calls of an answer, and one call of a tool. */
export interface CallForm {
  open: string;
  close: string;
  /** What stands at the start of every call or block of calls, and in no other text. */
  opening: string;
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
    between: "",
    call: m2Call,
  },
  m3: {
    open: `${mark}<tool_call>\n`,
    close: `${mark}</tool_call>`,
    opening: `${mark}<tool_call>`,
    between: "",
    call: m3Call,
  },
  json: { open: "", close: "", opening: "<tool_call", between: "\n", call: jsonCall },
};

function jsonCall(grammar: Grammar, tool: ToolDefinition): string {
  const whole = { type: "object", ...tool.parameters };
  const schemas = new SchemaGrammar(grammar, tool.parameters);
  schemas.requireNarrow(whole);
  const args = schemas.json(whole);
  const name = literal(JSON.stringify(tool.name));
  return `"<tool_call>\\n{\\"name\\": " ${name} ", \\"arguments\\": " ${args} "}\\n</tool_call>"`;
}

/** Strings stand as they are, other values as JSON. */
function m2Call(grammar: Grammar, tool: ToolDefinition): string {
  const schemas = new SchemaGrammar(grammar, tool.parameters);
  schemas.requireNarrow(tool.parameters);
  const value = (part: unknown): string => {
    const ways = waysOf(schemas, part);
    return grammar.rule(
      anyOf(ways.map((way) => (isText(way) ? rawText(schemas, way, "</parameter>") : schemas.plain(way)))),
    );
  };
  const parameters = parametersOf(schemas.alternatives(tool.parameters)[0]).map(({ name, part, required }) => {
    const rule = grammar.rule(`${literal(`<parameter name="${name}">`)} ${value(part)} "</parameter>\\n"`);
    return required ? rule : `${rule}?`;
  });
  return `${literal(`<invoke name="${tool.name}">\n`)} ${parameters.join(" ")} "</invoke>\\n"`;
}

/** Objects nest as tags, arrays repeat `<item>`, and the tag is the parameter's name. */
function m3Call(grammar: Grammar, tool: ToolDefinition): string {
  const schemas = new SchemaGrammar(grammar, tool.parameters);
  schemas.requireNarrow(tool.parameters);
  /** One rule per list of alternatives, so that schemas may contain themselves. */
  const rules = new Map<readonly Schema[], string>();
  const tagged = (name: string, part: unknown): string =>
    grammar.rule(`${literal(`${mark}<${name}>`)} ${value(part)} ${literal(`${mark}</${name}>`)}`);
  const fields = (schema: Schema | undefined): string =>
    parametersOf(schema)
      .map(({ name, part, required }) => `${tagged(name, part)}${required ? "" : "?"}`)
      .join(" ");
  const one = (schema: Schema): string => {
    if (isText(schema)) return rawText(schemas, schema, mark);
    schemas.spend(schema);
    if (isObject(schema["properties"])) return fields(schema);
    if (typeOf(schema) !== "array" || valuesOf(schema) !== undefined) return schemas.plain(schema);
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
  const parameters = fields(schemas.alternatives(tool.parameters)[0]);
  return `${literal(`${mark}<invoke name="${tool.name}">`)} ${parameters} ${literal(`${mark}</invoke>\n`)}`;
}

/** A tool whose parameters are not named gets none: markup writes each under its name. */
function parametersOf(schema: Schema = {}): readonly Field[] {
  return fieldsOf(schema) ?? [];
}

/** All that a value may be, texts apart from other values: they are written differently. */
function waysOf(schemas: SchemaGrammar, part: unknown): readonly Schema[] {
  return schemas.alternatives(part).flatMap((schema) => {
    const { enum: values } = schema;
    if (!Array.isArray(values)) return [schema];
    const texts = values.filter((value) => typeof value === "string");
    const others = values.filter((value) => typeof value !== "string");
    return [texts, others].filter((half) => half.length > 0).map((half) => ({ ...schema, enum: half }));
  });
}

/** Whether a value stands in the markup as bare text. */
function isText(schema: Schema): boolean {
  const values = valuesOf(schema);
  if (values !== undefined) return values.every((value) => typeof value === "string");
  const { type } = schema;
  return type === "string" || (type === undefined && Object.keys(schema).every((key) => key === "description"));
}

/** Bare text up to the tag that ends it. */
function rawText(schemas: SchemaGrammar, schema: Schema, end: string): string {
  schemas.spend(schema);
  const values = allowedValues(schema);
  if (values !== undefined) return anyOf(values.map((value) => literal(String(value))));
  const form = textForm(schema, unwritableInMarkup);
  if (form !== undefined) return written(form);
  const least = bound(schema["minLength"]) ?? 0;
  const most = bound(schema["maxLength"]);
  // counted text may not hold the signs that begin tags: few texts do, and the count stays one rule
  if (most !== undefined) return repeat("[^<\\]]", least, most);
  return `${least === 0 ? "" : repeat("[^<\\]]", least, least)} ${textBefore(schemas.grammar, end)}`;
}
