import { invalid } from "../../model/error.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import type { ToolChoice, ToolDefinition } from "../../model/request.ts";
import { Fields } from "../shared/fields.ts";
import { noParameters, toolDefinition } from "../shared/tools.ts";
import { flatName, shellDefinitions } from "./call.ts";
import type { ToolForm } from "./answer-options.ts";

/** What the tools of a request mean. */
export interface Toolbox {
  definitions: ToolDefinition[];
  /** Keyed by the name the model sees. */
  forms: Map<string, ToolForm>;
  /** The tools in effect, as the response repeats them. */
  echo: JsonObject[];
  /** Types of hosted tools that this server does not run, in order. */
  dropped: Set<string>;
}

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
  for (const tool of body.objects("tools")) {
    const type = tool.nonEmptyString("type");
    if (strict && type !== "function") throw tool.error("type", `invalid tool type: ${type}`);
    const read = Object.hasOwn(readers, type) ? readers[type] : undefined;
    if (read === undefined) toolbox.dropped.add(type);
    else read(toolbox, tool);
  }
  return toolbox;
}

function addFunction(toolbox: Toolbox, tool: Fields, namespace?: Fields): void {
  const name = tool.nonEmptyString("name");
  const description = tool.string("description");
  const parameters = tool.object("parameters")?.value as JsonObject | undefined;
  const strict = tool.boolean("strict");
  const form: ToolForm = { kind: "function", name, ...within(namespace) };
  const schema = parameters ?? noParameters;
  add(
    toolbox,
    tool,
    form,
    toolDefinition(nameFor(name, namespace), description ?? namespace?.string("description"), schema),
  );
  if (namespace !== undefined) return;
  const shown = { description: description ?? null, parameters: schema, strict: strict ?? null };
  toolbox.echo.push({ type: "function", name, ...shown });
}

/** A tool with free text as its input: the model sees a function with one string. */
function addCustom(toolbox: Toolbox, tool: Fields, namespace?: Fields): void {
  const name = tool.nonEmptyString("name");
  const description = tool.string("description") ?? namespace?.string("description");
  const format = tool.object("format");
  const grammar = format?.string("definition");
  const syntax = format?.string("syntax") ?? "";
  const input = {
    type: "string",
    description:
      grammar === undefined ? "The whole input, as plain text." : `Must match this ${syntax} grammar:\n${grammar}`,
  };
  const schema = { type: "object", properties: { input }, required: ["input"], additionalProperties: false };
  const form: ToolForm = { kind: "custom", name, ...within(namespace) };
  add(toolbox, tool, form, toolDefinition(nameFor(name, namespace), description, schema));
  if (namespace === undefined) toolbox.echo.push(tool.value as JsonObject);
}

function addNamespace(toolbox: Toolbox, tool: Fields): void {
  tool.nonEmptyString("name");
  tool.string("description");
  for (const nested of tool.objects("tools")) {
    const type = nested.nonEmptyString("type");
    if (type === "function") addFunction(toolbox, nested, tool);
    else if (type === "custom") addCustom(toolbox, nested, tool);
    else toolbox.dropped.add(type);
  }
  toolbox.echo.push(tool.value as JsonObject);
}

/** `shell` runs on the caller's machine unless its environment says otherwise. */
function addShell(toolbox: Toolbox, tool: Fields): void {
  const place = tool.object("environment")?.string("type");
  if (place !== undefined && place !== "local") toolbox.dropped.add("shell");
  else addFixed(toolbox, tool, "shell");
}

function addFixed(toolbox: Toolbox, tool: Fields, kind: keyof typeof shellDefinitions): void {
  add(toolbox, tool, { kind }, shellDefinitions[kind]);
  toolbox.echo.push(tool.value as JsonObject);
}

function add(toolbox: Toolbox, tool: Fields, form: ToolForm, definition: ToolDefinition): void {
  if (toolbox.forms.has(definition.name)) {
    throw tool.error("name", `a tool called ${definition.name} is already there`);
  }
  toolbox.forms.set(definition.name, form);
  toolbox.definitions.push(definition);
}

function within(namespace: Fields | undefined): { namespace?: string } {
  return namespace === undefined ? {} : { namespace: namespace.nonEmptyString("name") };
}

function nameFor(name: string, namespace: Fields | undefined): string {
  return flatName(name, namespace?.nonEmptyString("name"));
}

/** What `tool_choice` means: the choice, the tools left to choose from, and what the response repeats. */
export interface Choice {
  choice: ToolChoice;
  definitions: readonly ToolDefinition[];
  echo: Json;
}

const choiceWords = ["none", "auto", "required"] as const;

export function parseToolChoice(body: Fields, toolbox: Toolbox, strict: boolean): Choice {
  const value = body.given("tool_choice");
  const { definitions } = toolbox;
  if (value === undefined) return { choice: "auto", definitions, echo: "auto" };
  if (typeof value === "string") {
    const word = body.word("tool_choice", strict ? (["none", "auto"] as const) : choiceWords) ?? "auto";
    if (word === "required") checkCallable(toolbox);
    return { choice: word, definitions, echo: word };
  }
  if (strict) throw invalid("tool_choice", "must be one of none, auto");
  const fields = Fields.of(value, "tool_choice");
  if (fields.nonEmptyString("type") === "allowed_tools") return allowedTools(fields, toolbox);
  const chosen = chosenTool(fields, toolbox);
  return { choice: { name: chosen }, definitions, echo: value as JsonObject };
}

function checkCallable(toolbox: Toolbox): void {
  if (toolbox.definitions.length > 0) return;
  const why = toolbox.dropped.size === 0 ? "" : `: ${[...toolbox.dropped].join(", ")} cannot be run by this server`;
  throw invalid("tool_choice", `required, but there is no tool to call${why}`);
}

function allowedTools(fields: Fields, toolbox: Toolbox): Choice {
  const mode = fields.word("mode", choiceWords) ?? "auto";
  const list = fields.array("tools");
  if (list === undefined || list.length === 0) throw fields.error("tools", "must name at least one tool");
  const names = new Set<string>();
  for (const wanted of fields.objects("tools")) {
    // A hosted tool among several allowed ones forces nothing: it falls away as it does in `tools`.
    if (!toolbox.dropped.has(wanted.nonEmptyString("type"))) names.add(chosenTool(wanted, toolbox));
  }
  const definitions = toolbox.definitions.filter(({ name }) => names.has(name));
  if (mode === "required" && definitions.length === 0) checkCallable({ ...toolbox, definitions });
  return { choice: mode, definitions, echo: { ...fields.value, mode } as JsonObject };
}

/** The flat name of the tool an object names; throws `invalid` where the request declares no such tool. */
function chosenTool(fields: Fields, toolbox: Toolbox): string {
  const type = fields.nonEmptyString("type");
  if (!Object.hasOwn(readers, type) || type === "namespace") {
    throw fields.error("type", `tool ${JSON.stringify(type)} cannot be run by this server`);
  }
  const named = type === "function" || type === "custom";
  const name = named ? flatName(fields.nonEmptyString("name"), fields.string("namespace")) : type;
  const form = toolbox.forms.get(name);
  if (form?.kind !== type) throw fields.error(named ? "name" : "type", `no ${type} tool called ${name}`);
  return name;
}
