import { invalid } from "../../model/error.ts";
import { type GenerationRequest, type OutputFormat, parametersPath, type ToolDefinition } from "../../model/request.ts";
import type { CallMarkup, ThinkMarkup } from "../markup/markup.ts";
import { atSchemaPath } from "../schema-path.ts";
import { callForms } from "./call-grammar.ts";
import { Grammar, anyOf, literal, repeat, shortTextBefore, textBefore } from "./grammar.ts";
import { SchemaGrammar, anyObject } from "./schema-grammar.ts";

/** Calls of one forced answer, at most; a small model would otherwise repeat itself without end. */
const maxForcedCalls = 8;

/** Answers with room for more tokens than this need no bound on their reasoning. */
const maxBoundedTokens = 16_384;

/** How a model writes, and the tokens it may write. */
export interface AnswerForm {
  calls: CallMarkup;
  think: ThinkMarkup;
  limit: number;
}

/**
 * The grammar an answer must follow, as GBNF: a forced tool call (`required`, a named tool) or a JSON format, after
 * the reasoning that the prompt began. Reasoning has at most as many characters as the answer may have tokens: the forced
 * part must still fit after it. With tools on offer, an answer in a JSON format may also be a call. A free answer is
 * held from where its first call begins if a tool is strict. Undefined where the request leaves the model free.
 */
export function constraintFor(request: GenerationRequest, form: AnswerForm): string | undefined {
  // what is said of single schemas names these themselves
  return atSchemaPath(schemasPath(request), () => grammarFor(request, form));
}

/** The field at fault where all schemas of a request are too much together. */
function schemasPath({ format, toolChoice }: GenerationRequest): string {
  const isForced = toolChoice === "required" || typeof toolChoice === "object";
  return format.type === "schema" && !isForced ? format.path : "tools";
}

function grammarFor(request: GenerationRequest, { calls, think, limit }: AnswerForm): string | undefined {
  const grammar = new Grammar();
  const answer = answerBody(grammar, request, calls);
  if (answer === undefined) return undefined;
  const [tag] = think.tags;
  if (!think.startsInside || tag === undefined) return grammar.source(answer);
  const end = `</${tag}>`;
  const reasoning = limit > maxBoundedTokens ? textBefore(grammar, end) : shortTextBefore(grammar, end, limit);
  return grammar.source(`${reasoning} ${literal(end)} "\\n"{0,2} ${answer}`);
}

function answerBody(grammar: Grammar, request: GenerationRequest, calls: CallMarkup): string | undefined {
  const { format, toolChoice, tools } = request;
  if (toolChoice === "required") return callsBody(grammar, request, calls, tools);
  if (typeof toolChoice === "object") {
    const named = tools.filter((tool) => tool.name === toolChoice.name);
    if (named.length === 0) throw invalid("tool_choice", `no tool named '${toolChoice.name}'`);
    return callsBody(grammar, { ...request, parallelCalls: false }, calls, named);
  }
  if (format.type === "text") return looseBody(grammar, request, calls);
  const json = format.type === "json" ? anyObject(grammar) : schemaBody(grammar, format);
  const mayCall = toolChoice === "auto" && tools.length > 0 && callForms[calls] !== undefined;
  return mayCall ? anyOf([json, callsBody(grammar, request, calls, tools)]) : json;
}

function schemaBody(grammar: Grammar, { schema, path }: OutputFormat & { type: "schema" }): string {
  return atSchemaPath(path, () => {
    const schemas = new SchemaGrammar(grammar, schema);
    schemas.requireNarrow(schema);
    return schemas.json(schema);
  });
}

/**
 * A free answer whose calls fit where a tool is strict: any text up to where a call begins, and from there on a call.
 * Undefined where no tool on offer is strict.
 */
function looseBody(grammar: Grammar, request: GenerationRequest, calls: CallMarkup): string | undefined {
  const { tools, toolChoice } = request;
  const opening = callForms[calls]?.opening;
  if (toolChoice !== "auto" || opening === undefined || !tools.some((tool) => tool.strict === true)) return undefined;
  return `${textBefore(grammar, opening)} (${callsBody(grammar, request, calls, tools)})?`;
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
  const callOf = (tool: ToolDefinition): string =>
    atSchemaPath(parametersPath(tool), () => grammar.rule(form.call(grammar, tool)));
  const call = grammar.rule(anyOf(tools.map(callOf)));
  const more = request.parallelCalls ? ` ${repeat(`(${literal(form.between)} ${call})`, 0, maxForcedCalls - 1)}` : "";
  return `${literal(form.open)} ${call}${more} ${literal(form.close)}`;
}
