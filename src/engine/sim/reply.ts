import { WorkBudget } from "../../lib/json-schema/work.ts";
import { argumentsSchema } from "../../lib/json-schema/schema.ts";
import { isObject, type JsonObject } from "../../model/json.ts";
import { type GenerationRequest, parametersPath, type ToolDefinition } from "../../model/request.ts";
import { atSchemaPath } from "../schema-path.ts";
import type { Conversation } from "./conversation.ts";
import { mediaSentences } from "./media.ts";
import { sampleValue } from "./schema-value.ts";

export interface PlannedCall {
  /** Given by a script; absent: the engine makes one. */
  id?: string | undefined;
  name: string;
  /** JSON text. */
  args: string;
}

/** A whole answer before it is cut into tokens. `""` and `[]`: nothing of that kind. */
export interface Reply {
  reasoning: string;
  text: string;
  calls: readonly PlannedCall[];
}

/**
 * The simulator's own answer: tool calls where tools are offered, a value where a format is asked for, else an echo.
 * Equal requests get equal answers.
 */
export function planReply(request: GenerationRequest, conversation: Conversation): Reply {
  const work = new WorkBudget();
  const calls = plannedTools(request, conversation).map((tool) => callOf(tool, work));
  return {
    reasoning: request.reasoning === "off" ? "" : reasoningOf(conversation, calls),
    text: calls.length > 0 ? "" : textOf(request, conversation),
    calls,
  };
}

/** More calls than these are not planned, however often a text names its tools. */
const maxCalls = 16;

/**
 * The tools to call, one call each. A named choice calls that tool. Otherwise the tools that the last user text names are
 * called in the order of their names, else the first tool: all at once where calls may stand side by side, else one
 * after each result. Under `auto` nothing is called once all results are there, or where the text asks for an echo.
 */
function plannedTools(request: GenerationRequest, conversation: Conversation): readonly ToolDefinition[] {
  const { tools, toolChoice, parallelCalls } = request;
  if (toolChoice === "none" || tools.length === 0) return [];
  if (typeof toolChoice === "object") return tools.filter(({ name }) => name === toolChoice.name).slice(0, 1);
  const named = namedTools(conversation.userText, tools);
  const planned = named.length > 0 ? named : tools.slice(0, 1);
  const open = planned.slice(parallelCalls ? 0 : conversation.callsMade);
  const count = parallelCalls ? maxCalls : 1;
  if (toolChoice === "required") return (open.length > 0 ? open : planned).slice(0, count);
  if (conversation.afterResult && parallelCalls) return [];
  if (named.length === 0 && requestedEcho(conversation.userText) !== undefined) return [];
  return open.slice(0, count);
}

/** Every place where a tool's name stands in the text as a word of its own. */
function namedTools(text: string, tools: readonly ToolDefinition[]): ToolDefinition[] {
  const found: { at: number; tool: ToolDefinition }[] = [];
  for (const tool of tools) {
    for (let at = text.indexOf(tool.name); at >= 0; at = text.indexOf(tool.name, at + 1)) {
      const around = `${text[at - 1] ?? " "}${text[at + tool.name.length] ?? " "}`;
      if (!/[\w-]/.test(around)) found.push({ at, tool });
      if (found.length > maxCalls * tools.length) break;
    }
  }
  return found.toSorted((one, other) => one.at - other.at).map(({ tool }) => tool);
}

function callOf(tool: ToolDefinition, work: WorkBudget): PlannedCall {
  const schema = argumentsSchema(tool.parameters) as JsonObject;
  const fit = tool.strict === true ? "exact" : "loose";
  const args = atSchemaPath(parametersPath(tool), () => sampleValue(schema, "defaults", { fit, work }));
  return { name: tool.name, args: JSON.stringify(isObject(args) ? args : {}) };
}

/** Longest quotation of the user, in code points. */
const maxQuoteChars = 60;

function reasoningOf({ userText, afterResult }: Conversation, calls: readonly PlannedCall[]): string {
  const names = calls.map(({ name }) => name).join(", ");
  const next = names === "" ? "I answer without a tool." : `I call ${names}.`;
  return afterResult ? `The tools have answered. ${next}` : `The user says "${shortened(userText)}". ${next}`;
}

function textOf(request: GenerationRequest, conversation: Conversation): string {
  const { format } = request;
  if (format.type === "schema") {
    const fit = format.strict ? "exact" : "loose";
    return JSON.stringify(atSchemaPath(format.path, () => sampleValue(format.schema, "all", { fit })));
  }
  const text = plainText(conversation);
  return format.type === "json" ? JSON.stringify({ answer: text }) : text;
}

/** Longest quotation of one tool result, in UTF-16 units. */
const maxResultChars = 4_000;

function plainText({ userText, afterResult, results, media }: Conversation): string {
  const echo = afterResult ? undefined : requestedEcho(userText);
  if (echo !== undefined) return echo;
  const quoted = results.map((text) => (text.length > maxResultChars ? cutText(text, maxResultChars) : text));
  const said = userText === "" && media.length > 0 ? [] : [`You said: ${shortened(userText)}`];
  const seen = media.length === 0 ? [] : [mediaSentences(media).join(" ")];
  return [...(afterResult ? ["The tools answered:", ...quoted] : said), ...seen].join("\n");
}

const echoCommand = /^(?:please )?(?:repeat|say|echo|reply with|answer with)(?: (?:exactly|only|after me))?(?:: ?| )/i;

/** The text after "Repeat: ", "say " and the like, at the start of the message or of its last line. */
export function requestedEcho(text: string): string | undefined {
  const trimmed = text.trim();
  for (const part of [trimmed, trimmed.slice(trimmed.lastIndexOf("\n") + 1)]) {
    const command = echoCommand.exec(part.slice(0, 60))?.[0];
    const rest = command === undefined ? "" : part.slice(command.length).trim();
    if (rest !== "") return unquoted(rest);
  }
  return undefined;
}

/** Without one pair of quotation marks around the whole; a full stop may follow them. */
function unquoted(text: string): string {
  const whole = text.endsWith(".") ? text.slice(0, -1) : text;
  const mark = whole[0];
  const isQuoted = whole.length > 2 && (mark === '"' || mark === "'") && whole.indexOf(mark, 1) === whole.length - 1;
  return isQuoted ? whole.slice(1, -1) : text;
}

function shortened(text: string): string {
  const line = text.slice(0, 500).replace(/\s+/g, " ").trim();
  const points = Array.from(line);
  return points.length > maxQuoteChars ? `${points.slice(0, maxQuoteChars).join("")}…` : line;
}

function cutText(text: string, length: number): string {
  return `${text.slice(0, length).toWellFormed()}…`;
}
