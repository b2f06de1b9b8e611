import { invalid } from "../../model/error.ts";
import { isObject } from "../../model/json.ts";
import type { GenerationRequest, ToolDefinition } from "../../model/request.ts";
import type { CallMarkup, ThinkMarkup } from "../markup/markup.ts";
import { Grammar, anyOf, literal, repeat, textBefore } from "./grammar.ts";
import { SchemaGrammar, anyObject, bound } from "./schema-grammar.ts";
import type { Schema } from "./schema-grammar.ts";

/** Most calls of one forced answer; a small model would otherwise repeat itself without end. */
const mostCalls = 8;

type CallWriter = (grammar: Grammar, tool: ToolDefinition) => string;

/** How one call is written, and what stands around all calls of an answer (spec sheet 8.1). */
const callForms: Readonly<
  Partial<Record<CallMarkup, { open: string; close: string; call: CallWriter; between: string }>>
> = {
  m2: { open: "<minimax:tool_call>\n", close: "</minimax:tool_call>", call: invocation, between: "" },
  json: { open: "", close: "", call: jsonCall, between: "\n" },
};

/**
 * The grammar an answer must follow, as GBNF: a forced tool call (`required`, a named tool) or a JSON format, after
 * the thought that the prompt began. With tools on offer, an answer in a JSON format may also be a call. Undefined
 * where the request leaves the model free.
 */
export function constraintFor(request: GenerationRequest, calls: CallMarkup, think: ThinkMarkup): string | undefined {
  const grammar = new Grammar();
  const answer = answerBody(grammar, request, calls);
  if (answer === undefined) return undefined;
  const [tag] = think.tags;
  if (!think.startsInside || tag === undefined) return grammar.source(answer);
  const end = `</${tag}>`;
  return grammar.source(`${textBefore(grammar, end)} ${literal(end)} "\\n"{0,2} ${answer}`);
}

function answerBody(grammar: Grammar, request: GenerationRequest, calls: CallMarkup): string | undefined {
  const { format, toolChoice, tools } = request;
  if (toolChoice === "required") return callsBody(grammar, request, calls, tools);
  if (typeof toolChoice === "object") {
    const named = tools.filter((tool) => tool.name === toolChoice.name);
    if (named.length === 0) throw invalid("tool_choice", `no tool named '${toolChoice.name}'`);
    return callsBody(grammar, { ...request, parallelCalls: false }, calls, named);
  }
  if (format.type === "text") return undefined;
  const json =
    format.type === "json" ? anyObject(grammar) : new SchemaGrammar(grammar, format.schema).json(format.schema);
  const mayCall = toolChoice === "auto" && tools.length > 0 && callForms[calls] !== undefined;
  return mayCall ? anyOf([json, callsBody(grammar, request, calls, tools)]) : json;
}

function callsBody(
  grammar: Grammar,
  request: GenerationRequest,
  calls: CallMarkup,
  tools: readonly ToolDefinition[],
): string {
  const form = callForms[calls];
  if (form === undefined) throw invalid("tool_choice", "this model cannot be held to a tool call");
  if (tools.length === 0) throw invalid("tool_choice", "a tool call is required, but no tools are given");
  const call = grammar.rule(anyOf(tools.map((tool) => grammar.rule(form.call(grammar, tool)))));
  const more = request.parallelCalls ? ` ${repeat(`(${literal(form.between)} ${call})`, 0, mostCalls - 1)}` : "";
  return `${literal(form.open)} ${call}${more} ${literal(form.close)}`;
}

function jsonCall(grammar: Grammar, tool: ToolDefinition): string {
  const args = new SchemaGrammar(grammar, tool.parameters).json({ type: "object", ...tool.parameters });
  const name = literal(JSON.stringify(tool.name));
  return `"<tool_call>\\n{\\"name\\": " ${name} ", \\"arguments\\": " ${args} "}\\n</tool_call>"`;
}

/** One `<invoke>`; strings stand as they are, other values as JSON. */
function invocation(grammar: Grammar, tool: ToolDefinition): string {
  const schemas = new SchemaGrammar(grammar, tool.parameters);
  const whole = schemas.choices(schemas.resolve(tool.parameters))[0] ?? {};
  const properties = isObject(whole["properties"]) ? whole["properties"] : {};
  const required: readonly unknown[] = Array.isArray(whole["required"]) ? whole["required"] : [];
  const parameters = Object.entries(properties).map(([name, schema]) => {
    const value = parameterValue(grammar, schemas, isObject(schema) ? schema : {});
    const body = `${literal(`<parameter name="${name}">`)} ${value} "</parameter>\\n"`;
    const rule = grammar.rule(body);
    return required.includes(name) ? rule : `${rule}?`;
  });
  return `${literal(`<invoke name="${tool.name}">\n`)} ${parameters.join(" ")} "</invoke>\\n"`;
}

function parameterValue(grammar: Grammar, schemas: SchemaGrammar, schema: Schema): string {
  const ways = schemas.choices(schemas.resolve(schema)).map((way) => schemas.resolve(way));
  return grammar.rule(anyOf(ways.map((way) => (isText(way) ? rawText(grammar, way) : schemas.json(way)))));
}

function isText(schema: Schema): boolean {
  const { const: only, enum: values, type } = schema;
  if ("const" in schema) return typeof only === "string";
  if (Array.isArray(values)) return values.every((value) => typeof value === "string");
  return type === "string" || (type === undefined && Object.keys(schema).every((key) => key === "description"));
}

function rawText(grammar: Grammar, schema: Schema): string {
  if (typeof schema["const"] === "string") return literal(schema["const"]);
  const values: unknown = schema["enum"];
  if (Array.isArray(values)) return anyOf(values.map((value) => literal(String(value))));
  const least = bound(schema["minLength"]) ?? 0;
  const most = bound(schema["maxLength"]);
  // counted text may not hold the sign that begins the closing tag: few texts do, and the count stays one rule
  if (most !== undefined) return repeat("[^<]", least, most);
  return `${repeat("[^<]", least, least)} ${textBefore(grammar, "</parameter>")}`;
}
