import { invalid, ParleyError } from "../../model/error.ts";
import { isObject } from "../../model/json.ts";
import type { JsonObject } from "../../model/json.ts";
import { type OutputFormat, type ToolChoice, type ToolDefinition } from "../../model/request.ts";
import type { Steps } from "../../lib/time-slices.ts";
import type { Fields } from "../shared/fields.ts";
import { collectTools, noParameters, readSchemaFormat, toolDefinition } from "../shared/tools.ts";

/** The `tools` of a chat request. */
export function readTools(body: Fields, strict: boolean): Steps<ToolDefinition[]> {
  return collectTools(body, (tool) => readTool(tool, strict));
}

function readTool(tool: Fields, strict: boolean): ToolDefinition {
  const type = tool.string("type") ?? "";
  const body = tool.object("function");
  if (type !== "function" || body === undefined) {
    const shown = type === "function" ? "" : type.slice(0, 64);
    throw new ParleyError("invalid", `invalid tool type: ${shown}`, { param: tool.pathOf("type") });
  }
  const name = body.string("name") ?? "";
  const parameters = readParameters(body, strict);
  if (name === "" || parameters === undefined) {
    throw new ParleyError("invalid", "function name or parameters is empty", { param: body.path });
  }
  const [description, path] = [body.string("description"), body.pathOf("parameters")];
  return toolDefinition({ name, description, parameters, strict: body.boolean("strict"), path });
}

function readParameters(body: Fields, strict: boolean): JsonObject | undefined {
  const parameters = body.object("parameters")?.value as JsonObject | undefined;
  if (parameters === undefined || Object.keys(parameters).length === 0) return strict ? undefined : noParameters;
  body.checkDepth("parameters", parameters);
  return parameters;
}

/** The choice, and the tools that it leaves: `allowed_tools` narrows them. */
interface Choice {
  toolChoice: ToolChoice;
  tools: readonly ToolDefinition[];
}

export function readToolChoice(body: Fields, tools: readonly ToolDefinition[]): Choice {
  const value = body.given("tool_choice");
  const choice = isObject(value) ? body.object("tool_choice") : undefined;
  if (choice !== undefined) return readChoiceObject(choice, tools);
  const toolChoice = body.word("tool_choice", ["auto", "none", "required"]) ?? "auto";
  if (toolChoice === "required" && tools.length === 0) throw invalid("tool_choice", "required needs tools");
  return { toolChoice, tools };
}

function readChoiceObject(choice: Fields, tools: readonly ToolDefinition[]): Choice {
  const type = choice.required("type", choice.word("type", ["function", "allowed_tools"]));
  const known = new Set(tools.map(({ name }) => name));
  if (type === "function") return { toolChoice: { name: readName(choice, known) }, tools };
  const allowed = choice.requiredObject("allowed_tools");
  const toolChoice = allowed.word("mode", ["auto", "required"]) ?? "auto";
  allowed.required("tools", allowed.array("tools"));
  const names = new Set(Array.from(allowed.objects("tools"), (tool) => readName(tool, known)));
  if (names.size === 0) throw allowed.error("tools", "must name at least one tool");
  return { toolChoice, tools: tools.filter((tool) => names.has(tool.name)) };
}

function readName(choice: Fields, known: ReadonlySet<string>): string {
  const body = choice.requiredObject("function");
  const name = body.requiredString("name");
  if (known.has(name)) return name;
  throw body.error("name", `no tool is named ${JSON.stringify(name.slice(0, 128))}`);
}

export function* readFormat(body: Fields): Steps<OutputFormat> {
  const format = body.object("response_format");
  if (format === undefined) return { type: "text" };
  const type = format.required("type", format.word("type", ["text", "json_object", "json_schema"]));
  if (type === "text") return { type };
  return type === "json_object" ? { type: "json" } : yield* readSchemaFormat(format.requiredObject("json_schema"));
}
