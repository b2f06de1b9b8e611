import { unheldKeyword } from "../lib/json-schema/held.ts";
import { SchemaReader } from "../lib/json-schema/reader.ts";
import { WorkBudget } from "../lib/json-schema/work.ts";
import { argumentsSchema } from "../lib/json-schema/schema.ts";
import { invalid } from "../model/error.ts";
import { type GenerationRequest, parametersPath } from "../model/request.ts";

/**
 * Checks every schema of a request that says `strict: true`. Throws `invalid`, naming the keyword and its place, for one
 * that the engines here cannot hold answers to.
 */
export function requireHeld({ format, tools, toolChoice }: GenerationRequest): void {
  const work = new WorkBudget();
  if (format.type === "schema" && format.strict) check(format.schema, format.path, work);
  if (toolChoice === "none") return;
  for (const tool of tools) {
    if (tool.strict === true) check(argumentsSchema(tool.parameters), parametersPath(tool), work);
  }
}

function check(schema: unknown, param: string, work: WorkBudget): void {
  const refuse = (problem: string): Error => invalid(param, problem);
  const problem = unheldKeyword(schema, new SchemaReader(schema, { missing: "refuse", refuse, work }));
  if (problem !== undefined) throw invalid(param, problem);
}
