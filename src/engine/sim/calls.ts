import { isObject, type Json, type JsonObject, parseJson } from "../../model/json.ts";
import { textOf } from "../../model/item.ts";
import type { GenerationRequest, ToolDefinition } from "../../model/request.ts";
import { Clues, quotedTexts } from "./clues.ts";
import { sampleValue } from "./schema-value.ts";
import { likeness, subjectsOf, wordsOf } from "./subjects.ts";
import type { Talk } from "./talk.ts";

export interface PlannedCall {
  name: string;
  /** JSON text. */
  args: string;
}

/** One call before its arguments are made: the tool, and the part of the request it is about. */
interface Errand {
  tool: ToolDefinition;
  text: string;
  focus?: string;
}

export interface CallOptions {
  /** The message needs no tool: a greeting, a text to repeat. */
  quiet: boolean;
  /** Writes a text of so many words where an argument is to be a long one. */
  compose(length: number): string;
}

/**
 * The calls of this answer. A forced choice always calls; `auto` calls once per user message, or once per thing asked
 * for where calls may not stand side by side.
 */
export function planCalls(talk: Talk, options: CallOptions): PlannedCall[] {
  const { toolChoice, parallelCalls } = talk.request;
  if (toolChoice === "none") return [];
  const forced = toolChoice !== "auto";
  if (!forced && (options.quiet || isMeantForFormat(talk))) return [];
  const errands = errandsOf(talk);
  const open = errands.slice(parallelCalls ? 0 : talk.callsMade);
  const make = (errand: Errand): PlannedCall => callOf(errand, options);
  if (forced) return (open.length > 0 ? open : errands).slice(0, parallelCalls ? Infinity : 1).map(make);
  if (talk.afterResult) return parallelCalls ? [] : open.slice(0, 1).map(make);
  return isFollowUp(talk, errands) ? [] : open.slice(0, parallelCalls ? Infinity : 1).map(make);
}

/** Where the answer has a form of its own, a tool is called only when the message speaks of it. */
function isMeantForFormat({ asked, request }: Talk): boolean {
  return request.format.type !== "text" && bestTool(asked, known(request.tools), 3) === undefined;
}

function callOf(errand: Errand, options: CallOptions): PlannedCall {
  const clues = new Clues(errand.text, errand.focus);
  const compose = (length: number): string => options.compose(length);
  const args = sampleValue(errand.tool.parameters, { clues, optional: "suggested", compose });
  return { name: errand.tool.name, args: JSON.stringify(isObject(args) ? args : {}) };
}

const pointsBack = /\b(?:that|this|those|these|it)\b|[这那它]/i;

/**
 * "Is it warm there?" after a result: the message speaks of no tool and gives no argument a value, so that the answer is
 * in what the tools said before.
 */
function isFollowUp(talk: Talk, errands: readonly Errand[]): boolean {
  const [first, second] = errands;
  if (talk.earlierResults.length === 0 || first === undefined || second !== undefined) return false;
  if (talk.asked.length > 400) return false;
  // "What do you see in that video?" shares a word with the tool that fetched it, and the video is here
  const isShown = pointsBack.test(talk.asked) && talk.media.length + talk.earlierMedia.length > 0;
  if (!isShown && bestTool(talk.asked, known(talk.request.tools)) !== undefined) return false;
  const names = Object.keys(first.tool.parameters["properties"] ?? {});
  return names.length > 0 && !names.some((name) => new Clues(talk.asked).offers(name));
}

const everyTool = /\b(?:all|both|each|every)\b[^.。\n]{0,20}\btools?\b|(?:所有|全部|每个|两个|提供的\s*\d*\s*个?)工具/i;
/** More than these are not all called at once, whatever is asked. */
const mostCalls = 16;

function errandsOf(talk: Talk): Errand[] {
  const { asked, request } = talk;
  const tools = suitableTools(talk);
  const [first] = tools;
  if (first === undefined) return [];
  const words = known(tools);
  const separate = typeof request.toolChoice === "object" ? [] : separateErrands(asked, words);
  if (tools.length > 1 && tools.length <= mostCalls && everyTool.test(asked.slice(0, 2_000))) {
    return tools.map((tool) => separate.find((errand) => errand.tool === tool) ?? { tool, text: asked });
  }
  if (separate.length > 1) return separate;
  const tool = bestTool(asked, words) ?? first;
  const branches = branchErrands(asked, tool);
  if (branches.length > 0) return branches;
  const subjects =
    requiredTexts(tool) > 1 ? subjectsOf(asked, []) : subjectsOf(asked, quotedTexts(asked.slice(0, 2_000)));
  if (subjects.length > 1 && requiredTexts(tool) <= 1) return subjects.map((focus) => ({ tool, text: asked, focus }));
  return [{ tool, text: asked }];
}

/** Parameters that are one of several forms: one call per form whose property the text gives a value. */
function branchErrands(asked: string, tool: ToolDefinition): Errand[] {
  const { oneOf, anyOf, ...rest } = tool.parameters;
  const forms = Array.isArray(oneOf) ? oneOf : Array.isArray(anyOf) ? anyOf : [];
  const clues = new Clues(asked);
  const given = forms.filter(isObject).filter((form) => {
    const names = isObject(form["properties"]) ? Object.keys(form["properties"]) : [];
    return names.some((name) => clues.json(name) !== undefined);
  });
  return given.map((form) => ({ tool: { ...tool, parameters: { ...rest, ...form } as JsonObject }, text: asked }));
}

const betweenStretches =
  /\b(?:and(?: then| also)?|also|then|plus)\b|[,;，；。、]|\.(?=\s|$)|同时|并且|然后|以及|还有|和|再/i;
/** A message with more parts than these is a text, not a list of errands. */
const mostStretches = 40;

/** "The weather in Paris and the time in Tokyo": each stretch has a tool of its own. */
function separateErrands(asked: string, tools: readonly KnownTool[]): Errand[] {
  const stretches = asked.slice(0, 2_000).split(betweenStretches).slice(0, mostStretches);
  const errands = new Map<string, Errand>();
  for (const text of stretches) {
    // In Latin letters one shared word of a description proves nothing; a word of the tool's name does.
    const tool = bestTool(text, tools, /\p{Script=Han}/u.test(text) ? 1 : 3);
    if (tool !== undefined && !errands.has(tool.name)) errands.set(tool.name, { tool, text });
  }
  return [...errands.values()];
}

function suitableTools(talk: Talk): readonly ToolDefinition[] {
  const { tools, toolChoice } = talk.request;
  if (typeof toolChoice === "object") {
    const named = tools.find((tool) => tool.name === toolChoice.name);
    return named === undefined ? [] : [named];
  }
  if (toolChoice === "required" && tools.length > 0) return tools;
  const shown = shownTool(talk);
  if (shown === undefined) return tools;
  return tools.length === 0 || bestTool(talk.asked, known(tools)) === undefined ? [shown] : tools;
}

/** A tool with the words it is known by. */
interface KnownTool {
  tool: ToolDefinition;
  inName: ReadonlySet<string>;
  inDescription: ReadonlySet<string>;
}

function known(tools: readonly ToolDefinition[]): KnownTool[] {
  return tools.map((tool) => ({
    tool,
    inName: wordsOf(tool.name.replace(/([a-z\d])([A-Z])/g, "$1 $2").replace(/[_.-]+/g, " ")),
    inDescription: wordsOf((tool.description ?? "").slice(0, 1_000)),
  }));
}

/** The tool whose name and description share most words with the text; `undefined` where none shares any. */
function bestTool(text: string, tools: readonly KnownTool[], least = 1): ToolDefinition | undefined {
  const words = wordsOf(text);
  let best: ToolDefinition | undefined;
  let most = least - 1;
  for (const one of tools) {
    const score = toolScore(one, words, text);
    if (score <= most) continue;
    best = one.tool;
    most = score;
  }
  return best;
}

function toolScore({ tool, inName, inDescription }: KnownTool, words: ReadonlySet<string>, text: string): number {
  const at = text.indexOf(tool.name);
  const named = at >= 0 && !/^\w/.test(text.slice(at + tool.name.length)) ? 10 : 0;
  return named + 3 * words.intersection(inName).size + words.intersection(inDescription).size;
}

function requiredTexts(tool: ToolDefinition): number {
  const { required } = tool.parameters;
  return Array.isArray(required) ? required.length : Object.keys(tool.parameters["properties"] ?? {}).length;
}

/** How alike two messages must be for the second to be answered as the first was. */
const likeEnough = 0.3;

/**
 * A call that history shows and the request does not declare: examples teach a model to call such a tool, and callers
 * count on it (spec sheet 1.3). Its parameters are guessed from the arguments shown.
 */
function shownTool(talk: Talk): ToolDefinition | undefined {
  const declared = new Set(talk.request.tools.map((tool) => tool.name));
  for (const shown of shownCalls(talk.request)) {
    if (declared.has(shown.name)) continue;
    const alike = likeness(shown.asked, talk.asked) >= likeEnough;
    const named = wordsOf(shown.name.replace(/[_.-]+/g, " ")).intersection(wordsOf(talk.asked)).size > 0;
    if (alike || named) return { name: shown.name, parameters: schemaLike(parseJson(shown.args) ?? {}) };
  }
  return undefined;
}

/** Calls of earlier turns with the message that led to them, latest first. */
function shownCalls(request: GenerationRequest): { name: string; args: string; asked: string }[] {
  const shown: { name: string; args: string; asked: string }[] = [];
  let asked = "";
  let turn = 0;
  for (const item of request.items) {
    if (item.type === "message" && item.role === "user") {
      asked = textOf(item.parts);
      turn = shown.length;
    } else if (item.type === "call") shown.push({ name: item.name, args: item.args, asked });
  }
  return shown.slice(0, turn).toReversed();
}

function schemaLike(value: Json): JsonObject {
  if (Array.isArray(value)) return { type: "array", items: schemaLike(value[0] ?? "") };
  if (isObject(value)) {
    const properties = Object.entries(value).map(([key, one]) => [key, schemaLike(one as Json)] as const);
    return { type: "object", properties: Object.fromEntries(properties), required: Object.keys(value) };
  }
  return typeof value === "string"
    ? { type: "string" }
    : { type: typeof value === "number" ? "number" : "boolean", default: value };
}
