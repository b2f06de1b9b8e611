import type { CallItem } from "../../model/item.ts";
import type { JsonObject } from "../../model/json.ts";
import { isObject, parseJson } from "../../model/json.ts";
import type { ToolDefinition } from "../../model/request.ts";
import type { Fields } from "../shared/fields.ts";
import { customInput } from "./custom-input.ts";
import type { ToolForm } from "./answer-options.ts";

/** A call as the model made it; `args` is JSON text, maybe truncated. */
export interface Call {
  callId: string;
  name: string;
  args: string;
}

const strings: JsonObject = { type: "array", items: { type: "string" } };
const milliseconds: JsonObject = { type: "number", description: "Milliseconds after which the command is stopped." };

/** Tools whose types carry no schema: how the model sees them. */
export const shellDefinitions = {
  local_shell: {
    name: "local_shell",
    description: "Runs a command on the user's machine.",
    parameters: {
      type: "object",
      properties: {
        command: { ...strings, description: "The program and its arguments." },
        working_directory: { type: "string", description: "Where to run it." },
        timeout_ms: milliseconds,
      },
      required: ["command"],
    },
  },
  shell: {
    name: "shell",
    description: "Runs shell commands on the user's machine.",
    parameters: {
      type: "object",
      properties: {
        commands: { ...strings, description: "Shell command lines, run in order." },
        timeout_ms: milliseconds,
        max_output_length: { type: "number", description: "Characters of output to keep." },
      },
      required: ["commands"],
    },
  },
  apply_patch: {
    name: "apply_patch",
    description: "Creates, changes or deletes one file on the user's machine.",
    parameters: {
      type: "object",
      properties: {
        type: { type: "string", enum: ["create_file", "update_file", "delete_file"] },
        path: { type: "string", description: "Path of the file." },
        diff: { type: "string", description: "V4A diff; not needed to delete a file." },
      },
      required: ["type", "path"],
    },
  },
} as const satisfies Record<string, ToolDefinition>;

/** The fields of an output item that its form adds to `id`, `type` and `status`; without a call's arguments when absent. */
export function callFields(form: ToolForm, call: Call): JsonObject {
  const { callId: call_id, args } = call;
  switch (form.kind) {
    case "function":
      return { call_id, name: form.name, arguments: args, ...namespaceOf(form) };
    case "custom":
      return { call_id, name: form.name, input: customInput(args), ...namespaceOf(form) };
    case "local_shell":
      return { call_id, action: localShellAction(args) };
    case "shell":
      return { call_id, action: shellAction(args), environment: null };
    case "apply_patch":
      return { call_id, operation: patchOperation(args) };
    case "tool_search":
      return { call_id, execution: "client", arguments: argumentsOf(args) as JsonObject };
  }
}

export const itemTypes: Readonly<Record<ToolForm["kind"], string>> = {
  function: "function_call",
  custom: "custom_tool_call",
  local_shell: "local_shell_call",
  shell: "shell_call",
  apply_patch: "apply_patch_call",
  tool_search: "tool_search_call",
};

function namespaceOf(form: { namespace?: string }): JsonObject {
  return form.namespace === undefined ? {} : { namespace: form.namespace };
}

function argumentsOf(args: string): Record<string, unknown> {
  const value = parseJson(args);
  return isObject(value) ? value : {};
}

function commandLines(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((part) => typeof part === "string") : [];
}

function localShellAction(args: string): JsonObject {
  const given = argumentsOf(args);
  const line = given["command"];
  return {
    type: "exec",
    command: typeof line === "string" ? ["sh", "-c", line] : commandLines(line),
    env: {},
    ...picked(given, "timeout_ms", "number"),
    ...picked(given, "working_directory", "string"),
  };
}

function shellAction(args: string): JsonObject {
  const given = argumentsOf(args);
  return {
    commands: commandLines(given["commands"] ?? given["command"]),
    timeout_ms: null,
    max_output_length: null,
    ...picked(given, "timeout_ms", "number"),
    ...picked(given, "max_output_length", "number"),
  };
}

function patchOperation(args: string): JsonObject {
  const given = argumentsOf(args);
  const type = given["type"] === "create_file" || given["type"] === "delete_file" ? given["type"] : "update_file";
  const path = typeof given["path"] === "string" ? given["path"] : "";
  const diff = typeof given["diff"] === "string" ? given["diff"] : "";
  return type === "delete_file" ? { type, path } : { type, path, diff };
}

function picked(given: Record<string, unknown>, key: string, type: "number" | "string"): JsonObject {
  const value = given[key];
  return typeof value === type ? { [key]: value as number | string } : {};
}

/** What a call of the caller's history was made with, and of which tool. */
interface ReadCall {
  form: ToolForm;
  args: string;
}

/** A call in the caller's history, back to what the model wrote. `nameOf`: the name by which the model knows a tool. */
export function parseCall(item: Fields, type: CallType, nameOf: (form: ToolForm) => string): CallItem {
  const { form, args } = callReaders[type](item);
  return { type: "call", id: callIdOf(item), name: nameOf(form), args };
}

/** The id that ties a call and its result; older shell items carry it as `id`. */
export function callIdOf(item: Fields): string {
  const id = item.string("call_id") ?? item.string("id");
  if (id === undefined || id === "") throw item.error("call_id", "is required");
  return id;
}

const callReaders = {
  function_call: (item) => ({ form: { kind: "function", ...nameFields(item) }, args: functionArguments(item) }),
  custom_tool_call: (item) => ({
    form: { kind: "custom", ...nameFields(item) },
    args: JSON.stringify({ input: item.string("input") ?? "" }),
  }),
  local_shell_call: (item) => {
    const { type: _type, env: _env, ...action } = item.object("action")?.value ?? {};
    return { form: { kind: "local_shell" }, args: JSON.stringify(action) };
  },
  shell_call: (item) => ({ form: { kind: "shell" }, args: JSON.stringify(item.object("action")?.value ?? {}) }),
  apply_patch_call: (item) => ({
    form: { kind: "apply_patch" },
    args: JSON.stringify(item.object("operation")?.value ?? {}),
  }),
  mcp_call: (item) => ({
    form: { kind: "function", name: item.nonEmptyString("name") },
    args: functionArguments(item),
  }),
  tool_search_call: (item) => {
    const text = typeof item.given("arguments") === "string";
    return {
      form: { kind: "tool_search" },
      args: text ? functionArguments(item) : JSON.stringify(item.object("arguments")?.value ?? {}),
    };
  },
} as const satisfies Record<string, (item: Fields) => ReadCall>;

export type CallType = keyof typeof callReaders;

function nameFields(item: Fields): { name: string; namespace?: string } {
  const namespace = item.string("namespace");
  return { name: item.nonEmptyString("name"), ...(namespace === undefined ? {} : { namespace }) };
}

/** The one name the model sees for a function of a namespace. */
export function flatName(name: string, namespace: string | undefined): string {
  return namespace === undefined ? name : `${namespace}__${name}`;
}

/** A truncated call comes back as we sent it, with status `incomplete`; what there is of it is kept as text. */
function functionArguments(item: Fields): string {
  const args = item.requiredString("arguments");
  if (args.trim() === "") return "{}";
  if (parseJson(args) !== undefined) return args;
  if (item.given("status") === "incomplete") return JSON.stringify({ incomplete: args });
  const id = item.string("call_id") ?? "";
  throw item.error("arguments", `invalid function arguments json string, tool_call_id: ${id}`);
}

/** The text of a `shell_call_output`, whose output is a list of what each command printed. */
export function shellOutput(item: Fields): string {
  const output = item.given("output");
  if (output === undefined || typeof output === "string") return output ?? "";
  if (!Array.isArray(output)) throw item.error("output", "must be a string or an array");
  return Array.from(item.objects("output"), (printed) => {
    const code = printed.object("outcome")?.value["exit_code"];
    const exit = typeof code === "number" && code !== 0 ? [`exit code ${code}`] : [];
    return [printed.string("stdout") ?? "", printed.string("stderr") ?? "", ...exit].filter(Boolean).join("\n");
  }).join("\n");
}
