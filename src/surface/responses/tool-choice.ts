import { invalid } from "../../model/error.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import type { ToolChoice, ToolDefinition } from "../../model/request.ts";
import { Fields } from "../shared/fields.ts";
import type { ToolForms } from "./answer-options.ts";
import { isCallable, offeredTools, type Toolbox } from "./tools.ts";

/** What `tool_choice` means: the choice, the tools left to choose from, and how calls of them look. */
export interface Choice {
  toolChoice: ToolChoice;
  tools: readonly ToolDefinition[];
  forms: ToolForms;
}

const choiceWords = ["none", "auto", "required"] as const;

/** `tool_choice` as the response repeats it. Throws `invalid` where its form is wrong. */
export function choiceEcho(body: Fields, strict: boolean): Json {
  const value = body.given("tool_choice");
  if (value === undefined) return "auto";
  if (typeof value === "string") {
    return body.word("tool_choice", strict ? (["none", "auto"] as const) : choiceWords) ?? "auto";
  }
  if (strict) throw invalid("tool_choice", "must be one of none, auto");
  const fields = Fields.of(value, "tool_choice");
  if (fields.nonEmptyString("type") !== "allowed_tools") return value as JsonObject;
  return { ...fields.value, mode: fields.word("mode", choiceWords) ?? "auto" } as JsonObject;
}

/** Reads a choice as `choiceEcho` gives it. Throws `invalid` where there is no such tool. */
export function readChoice(value: Json, toolbox: Toolbox): Choice {
  const offered = offeredTools(toolbox);
  const forms = new Map(offered.map(({ definition, form }) => [definition.name, form]));
  const chooser: Chooser = { toolbox, tools: offered.map(({ definition }) => definition), named: namedForms(forms) };
  return { ...choose(value, chooser), forms };
}

interface Chooser {
  toolbox: Toolbox;
  tools: readonly ToolDefinition[];
  /** The model's names by what a caller may call a tool, and all of a namespace. */
  named: ReadonlyMap<string, readonly string[]>;
}

function namedForms(forms: ToolForms): ReadonlyMap<string, readonly string[]> {
  const named = new Map<string, string[]>();
  const add = (key: string, flat: string): void => {
    const known = named.get(key);
    if (known === undefined) named.set(key, [flat]);
    else known.push(flat);
  };
  for (const [flat, form] of forms) {
    const { name, namespace } = "name" in form ? form : {};
    add(formKey(form.kind, name, namespace), flat);
    if (namespace !== undefined) add(formKey("namespace", namespace, namespace), flat);
  }
  return named;
}

function formKey(...parts: readonly (string | undefined)[]): string {
  return JSON.stringify(parts);
}

type Chosen = Omit<Choice, "forms">;

function choose(value: Json, chooser: Chooser): Chosen {
  const { tools } = chooser;
  if (value === "required") checkCallable(tools, chooser.toolbox);
  if (value === "none" || value === "auto" || value === "required") return { toolChoice: value, tools };
  const fields = Fields.of(value, "tool_choice");
  const type = fields.nonEmptyString("type");
  if (type === "allowed_tools") return allowedTools(fields, chooser);
  const names = chosenNames(fields, chooser);
  const [only] = names;
  if (type === "namespace" && names.length > 1) {
    const chosen = new Set(names);
    return { toolChoice: "required", tools: tools.filter(({ name }) => chosen.has(name)) };
  }
  // the search that this server makes itself is over when the model begins
  return { toolChoice: only === undefined ? "auto" : { name: only }, tools };
}

function checkCallable(tools: readonly ToolDefinition[], { dropped }: Toolbox): void {
  if (tools.length > 0) return;
  const why = dropped.size === 0 ? "" : `: ${[...dropped].join(", ")} cannot be run by this server`;
  throw invalid("tool_choice", `required, but there is no tool to call${why}`);
}

function allowedTools(fields: Fields, chooser: Chooser): Chosen {
  const mode = fields.word("mode", choiceWords) ?? "auto";
  const list = fields.array("tools");
  if (list === undefined || list.length === 0) throw fields.error("tools", "must name at least one tool");
  const names = new Set<string>();
  for (const wanted of fields.objects("tools")) {
    // A hosted tool among several allowed ones forces nothing: it falls away as it does in `tools`.
    if (chooser.toolbox.dropped.has(wanted.nonEmptyString("type"))) continue;
    for (const name of chosenNames(wanted, chooser)) names.add(name);
  }
  const tools = chooser.tools.filter(({ name }) => names.has(name));
  if (mode === "required") checkCallable(tools, chooser.toolbox);
  return { toolChoice: mode, tools };
}

/** The model's names of what an object names; throws `invalid` where there is no such tool. */
function chosenNames(fields: Fields, { toolbox, named: byName }: Chooser): readonly string[] {
  const type = fields.nonEmptyString("type");
  if (!isCallable(type)) throw fields.error("type", `tool ${JSON.stringify(type)} cannot be run by this server`);
  if (type === "tool_search" && toolbox.search === "server") return [];
  const named = type === "function" || type === "custom" || type === "namespace";
  const name = named ? fields.nonEmptyString("name") : type;
  const namespace = type === "namespace" ? name : fields.string("namespace");
  const found = byName.get(named ? formKey(type, name, namespace) : formKey(type, undefined, undefined)) ?? [];
  if (found.length > 0) return type === "namespace" ? found : found.slice(0, 1);
  const shown = namespace === undefined || type === "namespace" ? name : `${namespace}__${name}`;
  throw fields.error(named ? "name" : "type", `no ${type} tool called ${shown}`);
}
