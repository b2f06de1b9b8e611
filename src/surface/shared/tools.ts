import type { JsonObject } from "../../model/json.ts";
import type { OutputFormat, ToolDefinition } from "../../model/request.ts";
import type { Fields } from "./fields.ts";

/** The parameters of a tool that takes none. */
export const noParameters: JsonObject = { type: "object", properties: {} };

/** `parameters` is the caller's own object, never a copy: its key order reaches the prompt. */
export function toolDefinition(name: string, description: string | undefined, parameters: JsonObject): ToolDefinition {
  return description === undefined ? { name, parameters } : { name, description, parameters };
}

/** An output format from the object that holds `schema`, `name` and `strict`. */
export function readSchemaFormat(fields: Fields): OutputFormat {
  const schema = fields.requiredObject("schema").value as JsonObject;
  fields.checkDepth("schema", schema);
  const name = fields.string("name");
  const strict = fields.boolean("strict") ?? false;
  return { type: "schema", ...(name === undefined ? {} : { name }), schema, strict };
}
