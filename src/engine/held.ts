import { unheldKeyword } from "../lib/json-schema/held.ts";
import { SchemaReader } from "../lib/json-schema/reader.ts";
import { WorkBudget } from "../lib/json-schema/work.ts";
import { argumentsSchema } from "../lib/json-schema/schema.ts";
import { invalid, ParleyError } from "../model/error.ts";
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

function check(schema: unknown, path: string, work: WorkBudget): void {
  atSchemaPath(path, () => {
    const problem = unheldKeyword(schema, new SchemaReader(schema, { missing: "refuse", refuse: unusable, work }));
    if (problem !== undefined) throw unusable(problem);
  });
}

/** The error for a schema that cannot be used; `atSchemaPath` adds where the schema stands. */
export function unusable(problem: string): ParleyError {
  return invalid("", problem);
}

/** Does something with a schema; what is `unusable` about it becomes an `invalid` error that names the path in the body. */
export function atSchemaPath<Result>(path: string, use: () => Result): Result {
  try {
    return use();
  } catch (thrown) {
    if (thrown instanceof ParleyError && thrown.param === "") throw invalid(path, thrown.message);
    throw thrown;
  }
}
