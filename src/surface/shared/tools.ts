import { findMalformed } from "../../lib/json-schema/malformed.ts";
import { WorkBudget } from "../../lib/json-schema/work.ts";
import type { Steps } from "../../lib/time-slices.ts";
import { invalid } from "../../model/error.ts";
import type { JsonObject } from "../../model/json.ts";
import { parametersPath, type OutputFormat, type ToolDefinition } from "../../model/request.ts";
import type { Fields } from "./fields.ts";

/** The parameters of a tool that takes none. */
export const noParameters: JsonObject = { type: "object", properties: {} };

/** `parameters` is the caller's own object, never a copy: its key order reaches the prompt. */
export function toolDefinition(tool: {
  name: string;
  description?: string | undefined;
  parameters: JsonObject;
  strict?: boolean | undefined;
  path?: string | undefined;
}): ToolDefinition {
  const { name, description, parameters, strict, path } = tool;
  return {
    name,
    ...(description === undefined ? {} : { description }),
    parameters,
    ...(strict === undefined ? {} : { strict }),
    ...(path === undefined ? {} : { path }),
  };
}

/** Whether two tools are the same for a model. */
export function isSameTool(one: ToolDefinition, other: ToolDefinition): boolean {
  const shown = (tool: ToolDefinition): string => JSON.stringify(toolDefinition({ ...tool, path: undefined }));
  return shown(one) === shown(other);
}

/** Tools that are read in one step. */
const toolsPerStep = 100;

/** The tools of a body's `tools`, the same tool once; `read` gives `undefined` for one that is left out. */
export function* collectTools(
  body: Fields,
  read: (tool: Fields) => ToolDefinition | undefined,
): Steps<ToolDefinition[]> {
  const tools: ToolDefinition[] = [];
  const byName = new Map<string, ToolDefinition>();
  const work = new WorkBudget();
  let count = 0;
  for (const wanted of body.objects("tools")) {
    count += 1;
    if (count % toolsPerStep === 0) yield;
    const tool = read(wanted);
    if (tool === undefined) continue;
    if (tool.strict === true) yield* requireWellFormed(tool.parameters, parametersPath(tool), work);
    const known = byName.get(tool.name);
    if (known !== undefined && isSameTool(known, tool)) continue;
    byName.set(tool.name, tool);
    tools.push(tool);
  }
  return tools;
}

/** An output format from the object that holds `schema`, `name` and `strict`. */
export function* readSchemaFormat(fields: Fields): Steps<OutputFormat> {
  const schema = fields.requiredObject("schema").value as JsonObject;
  fields.checkDepth("schema", schema);
  yield;
  const name = fields.string("name");
  const strict = fields.boolean("strict") ?? false;
  const path = fields.pathOf("schema");
  yield* requireWellFormed(schema, path, new WorkBudget());
  return { type: "schema", ...(name === undefined ? {} : { name }), schema, strict, path };
}

/**
 * Refuses a schema of which a keyword has a value of the wrong type, naming the keyword by its path in the body. Answers'
 * schemas and those of strict tools are held to this; agents send many others that say `required: true` and the like, and
 * models understand them.
 */
export function* requireWellFormed(schema: JsonObject, path: string, work: WorkBudget): Steps<void> {
  const found = yield* findMalformed(schema, work);
  if (found !== undefined) throw invalid(path + found.path, found.problem);
}
