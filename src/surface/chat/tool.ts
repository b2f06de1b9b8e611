import { invalid, ParleyError } from "../../model/error.ts";
import { isObject } from "../../model/json.ts";
import type { JsonObject } from "../../model/json.ts";
import type { OutputFormat, ToolChoice, ToolDefinition } from "../../model/request.ts";
import { readArray, readBoolean, readChoice, readObject, readString, refuseDeep, required } from "./field.ts";

/** What a tool without parameters takes (spec sheet 10, row 23). */
const noParameters: JsonObject = { type: "object", properties: {} };

export function readTools(value: unknown, strict: boolean): ToolDefinition[] {
  return (readArray(value, "tools") ?? []).map((tool, index) => readTool(tool, `tools[${index}]`, strict));
}

function readTool(value: unknown, path: string, strict: boolean): ToolDefinition {
  const tool = required(readObject(value, path), path);
  const type = readString(tool["type"], `${path}.type`) ?? "";
  const body = readObject(tool["function"], `${path}.function`);
  if (type !== "function" || body === undefined) {
    const shown = type === "function" ? "" : type.slice(0, 64);
    throw new ParleyError("invalid", `invalid tool type: ${shown}`, { param: `${path}.type` });
  }
  const name = readString(body["name"], `${path}.function.name`) ?? "";
  const parameters = readParameters(body["parameters"], `${path}.function.parameters`, strict);
  if (name === "" || parameters === undefined) {
    throw new ParleyError("invalid", "function name or parameters is empty", { param: `${path}.function` });
  }
  const description = readString(body["description"], `${path}.function.description`);
  return { name, ...(description === undefined ? {} : { description }), parameters };
}

/** The caller's own object, never a copy: its key order reaches the prompt. */
function readParameters(value: unknown, path: string, strict: boolean): JsonObject | undefined {
  const parameters = readObject(value, path) as JsonObject | undefined;
  if (parameters === undefined || Object.keys(parameters).length === 0) return strict ? undefined : noParameters;
  refuseDeep(parameters, path);
  return parameters;
}

/** The choice, and the tools it leaves: `allowed_tools` narrows them. */
export function readToolChoice(
  value: unknown,
  tools: readonly ToolDefinition[],
): { toolChoice: ToolChoice; tools: readonly ToolDefinition[] } {
  if (value === undefined || value === null) return { toolChoice: "auto", tools };
  if (isObject(value)) return readChoiceObject(value, tools);
  const toolChoice = readChoice(value, "tool_choice", ["auto", "none", "required"]) ?? "auto";
  if (toolChoice === "required" && tools.length === 0) throw invalid("tool_choice", "required needs tools");
  return { toolChoice, tools };
}

function readChoiceObject(
  choice: Record<string, unknown>,
  tools: readonly ToolDefinition[],
): { toolChoice: ToolChoice; tools: readonly ToolDefinition[] } {
  const type = readChoice(choice["type"], "tool_choice.type", ["function", "allowed_tools"]);
  if (required(type, "tool_choice.type") === "function") {
    return { toolChoice: { name: readNamed(choice, "tool_choice", tools) }, tools };
  }
  const path = "tool_choice.allowed_tools";
  const allowed = required(readObject(choice["allowed_tools"], path), path);
  const mode = readChoice(allowed["mode"], `${path}.mode`, ["auto", "required"]) ?? "auto";
  const listed = required(readArray(allowed["tools"], `${path}.tools`), `${path}.tools`);
  const names = listed.map((tool, index) => {
    const at = `${path}.tools[${index}]`;
    return readNamed(required(readObject(tool, at), at), at, tools);
  });
  if (names.length === 0) throw invalid(`${path}.tools`, "must name at least one tool");
  return { toolChoice: mode, tools: tools.filter((tool) => names.includes(tool.name)) };
}

function readNamed(choice: Record<string, unknown>, path: string, tools: readonly ToolDefinition[]): string {
  const body = required(readObject(choice["function"], `${path}.function`), `${path}.function`);
  const name = required(readString(body["name"], `${path}.function.name`), `${path}.function.name`);
  if (tools.some((tool) => tool.name === name)) return name;
  throw invalid(`${path}.function.name`, `no tool is named ${JSON.stringify(name.slice(0, 128))}`);
}

export function readFormat(value: unknown): OutputFormat {
  const format = readObject(value, "response_format");
  if (format === undefined) return { type: "text" };
  const path = "response_format.type";
  const type = required(readChoice(format["type"], path, ["text", "json_object", "json_schema"]), path);
  if (type === "text") return { type };
  return type === "json_object" ? { type: "json" } : readSchema(format["json_schema"]);
}

function readSchema(value: unknown): OutputFormat {
  const path = "response_format.json_schema";
  const body = required(readObject(value, path), path);
  const schema = required(readObject(body["schema"], `${path}.schema`), `${path}.schema`) as JsonObject;
  refuseDeep(schema, `${path}.schema`);
  const name = readString(body["name"], `${path}.name`);
  const strict = readBoolean(body["strict"], `${path}.strict`) ?? false;
  return { type: "schema", ...(name === undefined ? {} : { name }), schema, strict };
}
