import { unheldKeyword } from "../lib/json-schema/held.ts";
import { SchemaReader } from "../lib/json-schema/reader.ts";
import { WorkBudget } from "../lib/json-schema/work.ts";
import { invalid } from "../model/error.ts";
import type { JsonObject } from "../model/json.ts";
import type { GenerationRequest } from "../model/request.ts";

/**
 * Checks every schema of a request that says `strict: true`. Throws `invalid`, naming the keyword and its place, for one
 * that the engines here cannot hold answers to.
 */
export function requireHeld({ format, tools, toolChoice }: GenerationRequest): void {
  const work = new WorkBudget();
  if (format.type === "schema" && format.strict) check(format.schema, { param: "schema", work });
  if (toolChoice === "none") return;
  for (const { strict, parameters, name } of tools) {
    if (strict === true) check(parameters, { param: `tools: parameters of '${name}'`, type: "object", work });
  }
}

/** `type`: the schema's type where it names none. */
function check(schema: JsonObject, { param, type, work }: { param: string; type?: string; work: WorkBudget }): void {
  const refuse = (problem: string): Error => invalid(param, problem);
  const reader = new SchemaReader(schema, { missing: "refuse", refuse, work });
  const problem = unheldKeyword(type === undefined ? schema : { type, ...schema }, reader);
  if (problem !== undefined) throw invalid(param, problem);
}
