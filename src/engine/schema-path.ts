import { invalid, ParleyError } from "../model/error.ts";

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
