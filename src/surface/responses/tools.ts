import { WorkBudget } from "../../lib/json-schema/work.ts";
import type { Steps } from "../../lib/time-slices.ts";
import type { JsonObject } from "../../model/json.ts";
import { isObject } from "../../model/json.ts";
import type { ToolDefinition } from "../../model/request.ts";
import type { Fields } from "../shared/fields.ts";
import { isSameTool, noParameters, requireWellFormed, toolDefinition } from "../shared/tools.ts";
import { flatName, shellDefinitions } from "./call.ts";
import type { ToolForm } from "./answer-options.ts";

/** One tool of a conversation. */
interface Tool {
  definition: ToolDefinition;
  form: ToolForm;
  /** `defer_loading`: not offered before a search has found it. */
  deferred: boolean;
}

/** The tools of a conversation: those of the request, then those its items add. */
export interface Toolbox {
  /** By what the caller calls them, oldest first. */
  tools: Map<string, Tool[]>;
  /** The names the model sees. */
  names: Set<string>;
  /** Who runs the `tool_search` tool, where there is one. */
  search: "client" | "server" | undefined;
  /** Types of hosted tools that this server does not run, in order. */
  dropped: Set<string>;
  /** Parameters of strict tools that no one has looked at yet, and where they stand. */
  unchecked: { parameters: JsonObject; path: string }[];
  /** For looking at them. */
  work: WorkBudget;
}

/** Where a tool stands: in its namespace, and whether it was added by an item of the conversation. */
interface Place {
  namespace?: Fields | undefined;
  added: boolean;
}

type ToolReader = (toolbox: Toolbox, tool: Fields, place: Place) => void;

/** Every type that is neither a function nor a tool the caller runs itself is hosted, and dropped. */
const readers: Readonly<Record<string, ToolReader>> = {
  function: addFunction,
  custom: addCustom,
  namespace: addNamespace,
  local_shell: (toolbox, tool, place) => addFixed(toolbox, tool, place, "local_shell"),
  shell: addShell,
  apply_patch: (toolbox, tool, place) => addFixed(toolbox, tool, place, "apply_patch"),
  tool_search: addToolSearch,
};

/** Whether tools of a type can be called here. */
export function isCallable(type: string): boolean {
  return Object.hasOwn(readers, type);
}

export function emptyToolbox(): Toolbox {
  return {
    tools: new Map(),
    names: new Set(),
    search: undefined,
    dropped: new Set(),
    unchecked: [],
    work: new WorkBudget(),
  };
}

/** Tools that are read in one step. */
const toolsPerStep = 100;

/** Adds the `tools` of a request, or of an item that makes more of them available. */
export function* addTools(
  toolbox: Toolbox,
  fields: Fields,
  { strict, added }: { strict: boolean; added: boolean },
): Steps<void> {
  let count = 0;
  for (const tool of fields.objects("tools")) {
    count += 1;
    if (count % toolsPerStep === 0) yield;
    const type = tool.nonEmptyString("type");
    if (strict && type !== "function") throw tool.error("type", `invalid tool type: ${type}`);
    const read = isCallable(type) ? readers[type] : undefined;
    if (read === undefined) toolbox.dropped.add(type);
    else read(toolbox, tool, { added });
    for (const { parameters, path } of toolbox.unchecked.splice(0)) {
      yield* requireWellFormed(parameters, path, toolbox.work);
    }
  }
}

/** The tools the model sees: a deferred one only where this server would be the one to search for it. */
export function offeredTools({ tools, search }: Toolbox): Tool[] {
  return [...tools.values()].flat().filter(({ deferred }) => !deferred || search !== "client");
}

/** The name the model sees for what the caller calls so. */
export function modelName({ tools }: Toolbox, form: ToolForm): string {
  const name = "name" in form ? flatName(form.name, form.namespace) : form.kind;
  return tools.get(keyOf(form))?.[0]?.definition.name ?? name;
}

/** The wire form of tools that a search has found: they are not deferred any more. */
export function foundTools(tools: readonly JsonObject[]): JsonObject[] {
  return tools.map(({ defer_loading: _, ...tool }) => {
    const nested = tool["tools"];
    return Array.isArray(nested) ? { ...tool, tools: foundTools(nested.filter(isObject) as JsonObject[]) } : tool;
  });
}

/** Those of the request's own tools that are deferred and offered all the same: what a search by this server has found. */
export function searchedTools(toolbox: Toolbox, own: Fields): JsonObject[] {
  if (toolbox.search !== "server") return [];
  return Array.from(own.objects("tools")).flatMap((tool) => waiting(toolbox, tool));
}

function waiting(toolbox: Toolbox, tool: Fields): JsonObject[] {
  const isWaiting = (kind: unknown, name: unknown, namespace?: string): boolean => {
    if ((kind !== "function" && kind !== "custom") || typeof name !== "string") return false;
    return toolbox.tools.get(keyOf({ kind, name, ...named(namespace) }))?.some(({ deferred }) => deferred) ?? false;
  };
  const { type, name, tools } = tool.value;
  if (type !== "namespace") return isWaiting(type, name) ? [tool.value as JsonObject] : [];
  const nested = (Array.isArray(tools) ? tools : []).filter(isObject);
  const left = nested.filter((one) => isWaiting(one["type"], one["name"], String(name)));
  return left.length === 0 ? [] : [{ ...(tool.value as JsonObject), tools: left as JsonObject[] }];
}

/** The tools in effect as the response repeats them: what the caller sent, functions with all their members. */
export function toolsEcho(own: Fields): JsonObject[] {
  return Array.from(own.objects("tools")).flatMap((tool) => {
    const type = tool.nonEmptyString("type");
    if (!isCallable(type) || (type === "shell" && !isLocalShell(tool))) return [];
    if (type !== "function") return [tool.value as JsonObject];
    const { value } = tool;
    const parameters = (tool.object("parameters")?.value ?? noParameters) as JsonObject;
    const shown = {
      description: tool.string("description") ?? null,
      parameters,
      strict: tool.boolean("strict") ?? null,
    };
    const deferred = value["defer_loading"] === true ? { defer_loading: true } : {};
    return [{ type: "function", name: tool.nonEmptyString("name"), ...shown, ...deferred }];
  });
}

function addFunction(toolbox: Toolbox, tool: Fields, place: Place): void {
  const form: ToolForm = { kind: "function", name: tool.nonEmptyString("name"), ...within(place.namespace) };
  const description = tool.string("description") ?? place.namespace?.string("description");
  const parameters = (tool.object("parameters")?.value as JsonObject | undefined) ?? noParameters;
  const strict = tool.boolean("strict");
  const path = tool.pathOf("parameters");
  if (strict === true) toolbox.unchecked.push({ parameters, path });
  // the place within an item is not kept with the item
  const shown = place.added ? undefined : path;
  const definition = toolDefinition({ name: "", description, parameters, strict, path: shown });
  add(toolbox, form, { ...place, tool, definition });
}

/** A tool with free text as its input: the model sees a function with one string. */
function addCustom(toolbox: Toolbox, tool: Fields, place: Place): void {
  const description = tool.string("description") ?? place.namespace?.string("description");
  const format = tool.object("format");
  const grammar = format?.string("definition");
  const syntax = format?.string("syntax") ?? "";
  const input = {
    type: "string",
    description:
      grammar === undefined ? "The whole input, as plain text." : `Must match this ${syntax} grammar:\n${grammar}`,
  };
  const parameters = { type: "object", properties: { input }, required: ["input"], additionalProperties: false };
  const form: ToolForm = { kind: "custom", name: tool.nonEmptyString("name"), ...within(place.namespace) };
  add(toolbox, form, { ...place, tool, definition: toolDefinition({ name: "", description, parameters }) });
}

function addNamespace(toolbox: Toolbox, tool: Fields, { added }: Place): void {
  tool.nonEmptyString("name");
  tool.string("description");
  for (const nested of tool.objects("tools")) {
    const type = nested.nonEmptyString("type");
    if (type === "function") addFunction(toolbox, nested, { namespace: tool, added });
    else if (type === "custom") addCustom(toolbox, nested, { namespace: tool, added });
    else toolbox.dropped.add(type);
  }
}

/** `shell` runs on the caller's machine unless its environment says otherwise. */
function isLocalShell(tool: Fields): boolean {
  return (tool.object("environment")?.string("type") ?? "local") === "local";
}

function addShell(toolbox: Toolbox, tool: Fields, place: Place): void {
  if (isLocalShell(tool)) addFixed(toolbox, tool, place, "shell");
  else toolbox.dropped.add("shell");
}

function addFixed(toolbox: Toolbox, tool: Fields, place: Place, kind: keyof typeof shellDefinitions): void {
  add(toolbox, { kind }, { ...place, tool, definition: shellDefinitions[kind] });
}

const searchParameters: JsonObject = {
  type: "object",
  properties: { query: { type: "string", description: "What the tool should do." } },
  required: ["query"],
};

/** The search for deferred tools: a function for the model where the caller runs it, else all of them are offered. */
function addToolSearch(toolbox: Toolbox, tool: Fields, place: Place): void {
  toolbox.search = tool.word("execution", ["server", "client"] as const) ?? "server";
  const description = tool.string("description") ?? "Finds more tools, which can be called afterwards.";
  const parameters = (tool.object("parameters")?.value as JsonObject | undefined) ?? searchParameters;
  if (toolbox.search === "server") return;
  add(toolbox, { kind: "tool_search" }, { ...place, tool, definition: { name: "", description, parameters } });
}

/** The same tool twice is one; an item's tool replaces its namesake; any other clash of names is given a name of its own. */
function add(toolbox: Toolbox, form: ToolForm, from: Place & { tool: Fields; definition: ToolDefinition }): void {
  const deferred = from.tool.boolean("defer_loading") ?? from.namespace?.boolean("defer_loading") ?? false;
  const key = keyOf(form);
  const namesakes = toolbox.tools.get(key) ?? [];
  const same = namesakes.find(({ definition }) =>
    isSameTool({ ...definition, name: "" }, { ...from.definition, name: "" }),
  );
  const known = same ?? (from.added ? namesakes[0] : undefined);
  if (known !== undefined) {
    known.definition = { ...from.definition, name: known.definition.name };
    known.deferred &&= deferred;
    return;
  }
  const name = freeName(toolbox.names, "name" in form ? flatName(form.name, form.namespace) : form.kind);
  toolbox.names.add(name);
  toolbox.tools.set(key, [...namesakes, { definition: { ...from.definition, name }, form, deferred }]);
}

function freeName(taken: ReadonlySet<string>, wanted: string): string {
  let name = wanted;
  for (let count = 2; taken.has(name); count += 1) name = `${wanted}_${count}`;
  return name;
}

/** What makes one tool of the caller different from another. */
function keyOf(form: ToolForm): string {
  return JSON.stringify("name" in form ? [form.kind, form.namespace ?? null, form.name] : [form.kind]);
}

function within(namespace: Fields | undefined): { namespace?: string } {
  return named(namespace?.nonEmptyString("name"));
}

function named(namespace: string | undefined): { namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}
