import { invalid } from "../../model/error.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { isObject } from "../../model/json.ts";
import type { ToolChoice, ToolDefinition } from "../../model/request.ts";
import { flatName, shellDefinitions } from "./call.ts";
import type { Fields } from "./field.ts";
import {
  fieldsOf,
  given,
  optionalArray,
  optionalBoolean,
  optionalFields,
  optionalString,
  optionalWord,
  pathOf,
  requiredString,
} from "./field.ts";
import type { ToolForm } from "./answer-options.ts";

/** What the tools of a request come to. */
export interface Toolbox {
  definitions: ToolDefinition[];
  /** Keyed by the name the model sees. */
  forms: Map<string, ToolForm>;
  /** The tools in effect, as the response repeats them. */
  echo: JsonObject[];
  /** Types of hosted tools that nobody here runs, in order. */
  dropped: Set<string>;
}

const anyArguments: JsonObject = { type: "object", properties: {} };

/** Every type that is neither a function nor a tool the caller runs itself is hosted, and dropped. */
const readers: Readonly<Record<string, (toolbox: Toolbox, tool: Fields, namespace?: Fields) => void>> = {
  function: addFunction,
  custom: addCustom,
  namespace: addNamespace,
  local_shell: (toolbox, tool) => addFixed(toolbox, tool, "local_shell"),
  shell: addShell,
  apply_patch: (toolbox, tool) => addFixed(toolbox, tool, "apply_patch"),
};

export function parseTools(body: Fields, strict: boolean): Toolbox {
  const toolbox: Toolbox = { definitions: [], forms: new Map(), echo: [], dropped: new Set() };
  for (const [index, value] of (optionalArray(body, "tools") ?? []).entries()) {
    const tool = fieldsOf(value, `tools[${index}]`);
    const type = requiredString(tool, "type");
    if (strict && type !== "function") throw invalid(pathOf(tool, "type"), `invalid tool type: ${type}`);
    const read = Object.hasOwn(readers, type) ? readers[type] : undefined;
    if (read === undefined) toolbox.dropped.add(type);
    else read(toolbox, tool);
  }
  return toolbox;
}

function addFunction(toolbox: Toolbox, tool: Fields, namespace?: Fields): void {
  const name = requiredString(tool, "name");
  const description = optionalString(tool, "description");
  const parameters = given(tool, "parameters");
  if (parameters !== undefined && !isObject(parameters)) throw invalid(pathOf(tool, "parameters"), "must be an object");
  const strict = optionalBoolean(tool, "strict");
  const form: ToolForm = { kind: "function", name, ...within(namespace) };
  const schema = (parameters as JsonObject | undefined) ?? anyArguments;
  add(toolbox, tool, form, definition(nameFor(name, namespace), description ?? ownDescription(namespace), schema));
  if (namespace !== undefined) return;
  const shown = { description: description ?? null, parameters: schema, strict: strict ?? null };
  toolbox.echo.push({ type: "function", name, ...shown });
}

/** A tool with free text as its input: the model sees a function with one string */
function addCustom(toolbox: Toolbox, tool: Fields, namespace?: Fields): void {
  const name = requiredString(tool, "name");
  const description = optionalString(tool, "description") ?? ownDescription(namespace);
  const format = optionalFields(tool, "format");
  const grammar = format === undefined ? undefined : optionalString(format, "definition");
  const syntax = (format === undefined ? undefined : optionalString(format, "syntax")) ?? "";
  const input = {
    type: "string",
    description:
      grammar === undefined ? "The whole input, as plain text." : `Must match this ${syntax} grammar:\n${grammar}`,
  };
  const schema = { type: "object", properties: { input }, required: ["input"], additionalProperties: false };
  const form: ToolForm = { kind: "custom", name, ...within(namespace) };
  add(toolbox, tool, form, definition(nameFor(name, namespace), description, schema));
  if (namespace === undefined) toolbox.echo.push(tool.value as JsonObject);
}

function addNamespace(toolbox: Toolbox, tool: Fields): void {
  requiredString(tool, "name");
  optionalString(tool, "description");
  for (const [index, value] of (optionalArray(tool, "tools") ?? []).entries()) {
    const nested = fieldsOf(value, `${pathOf(tool, "tools")}[${index}]`);
    const type = requiredString(nested, "type");
    if (type === "function") addFunction(toolbox, nested, tool);
    else if (type === "custom") addCustom(toolbox, nested, tool);
    else toolbox.dropped.add(type);
  }
  toolbox.echo.push(tool.value as JsonObject);
}

/** `shell` runs on the caller's machine unless its environment says otherwise. */
function addShell(toolbox: Toolbox, tool: Fields): void {
  const environment = optionalFields(tool, "environment");
  const place = environment === undefined ? undefined : optionalString(environment, "type");
  if (place !== undefined && place !== "local") toolbox.dropped.add("shell");
  else addFixed(toolbox, tool, "shell");
}

function addFixed(toolbox: Toolbox, tool: Fields, kind: keyof typeof shellDefinitions): void {
  add(toolbox, tool, { kind }, shellDefinitions[kind]);
  toolbox.echo.push(tool.value as JsonObject);
}

function add(toolbox: Toolbox, tool: Fields, form: ToolForm, definition: ToolDefinition): void {
  if (toolbox.forms.has(definition.name)) {
    throw invalid(pathOf(tool, "name"), `a tool called ${definition.name} is already there`);
  }
  toolbox.forms.set(definition.name, form);
  toolbox.definitions.push(definition);
}

function definition(name: string, description: string | undefined, parameters: JsonObject): ToolDefinition {
  return description === undefined ? { name, parameters } : { name, description, parameters };
}

function within(namespace: Fields | undefined): { namespace?: string } {
  return namespace === undefined ? {} : { namespace: requiredString(namespace, "name") };
}

function ownDescription(namespace: Fields | undefined): string | undefined {
  return namespace === undefined ? undefined : optionalString(namespace, "description");
}

function nameFor(name: string, namespace: Fields | undefined): string {
  return flatName(name, namespace === undefined ? undefined : requiredString(namespace, "name"));
}

/** What `tool_choice` comes to: the choice, the tools left to choose from, and what the response repeats. */
export interface Choice {
  choice: ToolChoice;
  definitions: readonly ToolDefinition[];
  echo: Json;
}

const choiceWords = ["none", "auto", "required"] as const;

export function parseToolChoice(body: Fields, toolbox: Toolbox, strict: boolean): Choice {
  const value = given(body, "tool_choice");
  const { definitions } = toolbox;
  if (value === undefined) return { choice: "auto", definitions, echo: "auto" };
  if (typeof value === "string") {
    const word = optionalWord(body, "tool_choice", strict ? (["none", "auto"] as const) : choiceWords) ?? "auto";
    if (word === "required") checkCallable(toolbox);
    return { choice: word, definitions, echo: word };
  }
  if (strict) throw invalid("tool_choice", "must be one of none, auto");
  const fields = fieldsOf(value, "tool_choice");
  if (requiredString(fields, "type") === "allowed_tools") return allowedTools(fields, toolbox);
  const chosen = chosenTool(fields, toolbox);
  return { choice: { name: chosen }, definitions, echo: value as JsonObject };
}

function checkCallable(toolbox: Toolbox): void {
  if (toolbox.definitions.length > 0) return;
  const why = toolbox.dropped.size === 0 ? "" : `: ${[...toolbox.dropped].join(", ")} cannot be run by this server`;
  throw invalid("tool_choice", `required, but there is no tool to call${why}`);
}

function allowedTools(fields: Fields, toolbox: Toolbox): Choice {
  const mode = optionalWord(fields, "mode", choiceWords) ?? "auto";
  const list = optionalArray(fields, "tools");
  if (list === undefined || list.length === 0) throw invalid(pathOf(fields, "tools"), "must name at least one tool");
  const names = new Set<string>();
  for (const [index, entry] of list.entries()) {
    const wanted = fieldsOf(entry, `${pathOf(fields, "tools")}[${index}]`);
    // A hosted tool among several allowed ones forces nothing: it falls away as it does in `tools`.
    if (!toolbox.dropped.has(requiredString(wanted, "type"))) names.add(chosenTool(wanted, toolbox));
  }
  const definitions = toolbox.definitions.filter(({ name }) => names.has(name));
  if (mode === "required" && definitions.length === 0) checkCallable({ ...toolbox, definitions });
  return { choice: mode, definitions, echo: { ...fields.value, mode } as JsonObject };
}

/** The flat name of the tool an object names; throws `invalid` where the request declares no such tool. */
function chosenTool(fields: Fields, toolbox: Toolbox): string {
  const type = requiredString(fields, "type");
  if (!Object.hasOwn(readers, type) || type === "namespace") {
    throw invalid(pathOf(fields, "type"), `tool ${JSON.stringify(type)} cannot be run by this server`);
  }
  const named = type === "function" || type === "custom";
  const name = named ? flatName(requiredString(fields, "name"), optionalString(fields, "namespace")) : type;
  const form = toolbox.forms.get(name);
  if (form?.kind !== type) throw invalid(pathOf(fields, named ? "name" : "type"), `no ${type} tool called ${name}`);
  return name;
}
