import type { JsonObject } from "../../model/json.ts";
import type { OutputFormat, ToolDefinition } from "../../model/request.ts";
import type { Fields } from "./fields.ts";

/** The parameters of a tool that takes none. */
export const noParameters: JsonObject = { type: "object", properties: {} };

/** `parameters` is the caller's own object, never a copy: its key order reaches the prompt. */
export function toolDefinition(tool: {
  name: string;
  description?: string | undefined;
  parameters: JsonObject;
  strict?: boolean | undefined;
}): ToolDefinition {
  const { name, description, parameters, strict } = tool;
  return {
    name,
    ...(description === undefined ? {} : { description }),
    parameters,
    ...(strict === undefined ? {} : { strict }),
  };
}

/** Whether two tools are the same for a model. */
export function isSameTool(one: ToolDefinition, other: ToolDefinition): boolean {
  return JSON.stringify(toolDefinition(one)) === JSON.stringify(toolDefinition(other));
}

/** An output format from the object that holds `schema`, `name` and `strict`. */
export function readSchemaFormat(fields: Fields): OutputFormat {
  const schema = fields.requiredObject("schema").value as JsonObject;
  fields.checkDepth("schema", schema);
  const name = fields.string("name");
  const strict = fields.boolean("strict") ?? false;
  return { type: "schema", ...(name === undefined ? {} : { name }), schema, strict };
}
