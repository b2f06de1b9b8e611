import type { Steps } from "../../lib/time-slices.ts";
import type { GenerationRequest, ToolDefinition } from "../../model/request.ts";
import type { JsonObject } from "../../model/json.ts";
import type { Fields } from "../shared/fields.ts";
import { collectTools, noParameters, toolDefinition } from "../shared/tools.ts";

/** Tools that the vendor's own servers run; without a search engine they are left out. */
const serverTools = /^web_search_\d+$/;

export interface ReadTools {
  tools: ToolDefinition[];
  /** Types of those that were left out. */
  dropped: string[];
}

/** The `tools` of a request; marks such as `cache_control` and `defer_loading` mean nothing here. */
export function* readTools(body: Fields, strict: boolean): Steps<ReadTools> {
  const dropped: string[] = [];
  const tools = yield* collectTools(body, (tool) => {
    const type = tool.string("type") ?? "custom";
    if (!serverTools.test(type)) return readTool(tool, type, strict);
    dropped.push(type);
    return undefined;
  });
  return { tools, dropped };
}

function readTool(tool: Fields, type: string, strict: boolean): ToolDefinition {
  if (type !== "custom") throw tool.error("type", `tool ${JSON.stringify(type.slice(0, 64))} cannot be run here`);
  const name = tool.nonEmptyString("name");
  const schema = tool.object("input_schema");
  if (schema === undefined && strict) throw tool.error("input_schema", "is required");
  const parameters = (schema?.value as JsonObject | undefined) ?? noParameters;
  tool.checkDepth("input_schema", parameters);
  const path = tool.pathOf("input_schema");
  return toolDefinition({
    name,
    description: tool.string("description"),
    parameters,
    strict: tool.boolean("strict"),
    path,
  });
}

type Choice = Pick<GenerationRequest, "toolChoice" | "parallelCalls">;

/** The vendor documents `auto` and `none`; clients send the others too. */
export function readToolChoice(body: Fields, tools: readonly ToolDefinition[], strict: boolean): Choice {
  const choice = body.object("tool_choice");
  if (choice === undefined) return { toolChoice: "auto", parallelCalls: true };
  const words = strict ? (["auto", "none"] as const) : (["auto", "none", "any", "tool"] as const);
  const type = choice.required("type", choice.word("type", words));
  const parallelCalls = !(choice.boolean("disable_parallel_tool_use") ?? false);
  if (type === "auto" || type === "none") return { toolChoice: type, parallelCalls };
  if (type === "any") {
    if (tools.length === 0) throw choice.error("type", "any needs a tool that can be called");
    return { toolChoice: "required", parallelCalls };
  }
  const name = choice.nonEmptyString("name");
  if (tools.some((tool) => tool.name === name)) return { toolChoice: { name }, parallelCalls };
  throw choice.error("name", `no tool that can be called is named ${JSON.stringify(name.slice(0, 128))}`);
}
