/** A JSON Schema (2020-12, and the keywords that older drafts share with it) or a part of one, as it was parsed. */
export type Schema = Readonly<Record<string, unknown>>;

export type TypeName = "null" | "integer" | "number" | "boolean" | "object" | "array" | "string";

/** Type words as tools write them: JSON Schema's, and the habits of Python and SQL. */
const typeNames: ReadonlyMap<string, TypeName> = new Map<string, TypeName>([
  ["null", "null"],
  ["integer", "integer"],
  ["int", "integer"],
  ["number", "number"],
  ["float", "number"],
  ["boolean", "boolean"],
  ["bool", "boolean"],
  ["object", "object"],
  ["dict", "object"],
  ["array", "array"],
  ["list", "array"],
  ["string", "string"],
  ["str", "string"],
  ["text", "string"],
]);

/** Keywords that show the type where none is named; of values of other types they say nothing. */
const telltales: readonly (readonly [string, TypeName])[] = [
  ["properties", "object"],
  ["required", "object"],
  ["additionalProperties", "object"],
  ["minProperties", "object"],
  ["maxProperties", "object"],
  ["patternProperties", "object"],
  ["propertyNames", "object"],
  ["dependentRequired", "object"],
  ["items", "array"],
  ["prefixItems", "array"],
  ["minItems", "array"],
  ["maxItems", "array"],
  ["uniqueItems", "array"],
  ["contains", "array"],
  ["minimum", "number"],
  ["maximum", "number"],
  ["exclusiveMinimum", "number"],
  ["exclusiveMaximum", "number"],
  ["multipleOf", "number"],
  ["pattern", "string"],
  ["format", "string"],
  ["minLength", "string"],
  ["maxLength", "string"],
];

export function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The type that a word names, in any case; undefined for a word that names none. */
export function typeNamed(word: unknown): TypeName | undefined {
  return typeof word === "string" ? typeNames.get(word.toLowerCase()) : undefined;
}

/** The type that a schema in normal form names or implies. */
export function typeOf(schema: Schema): TypeName | undefined {
  return typeNamed(schema["type"]) ?? telltales.find(([keyword]) => schema[keyword] !== undefined)?.[1];
}

/** The values that `const` and `enum` leave; undefined where neither stands. */
export function valuesOf(schema: Schema): readonly unknown[] | undefined {
  const listed = Array.isArray(schema["enum"]) ? (schema["enum"] as unknown[]) : undefined;
  if (!Object.hasOwn(schema, "const")) return listed;
  if (listed === undefined) return [schema["const"]];
  const only = JSON.stringify(schema["const"]);
  return listed.some((value) => JSON.stringify(value) === only) ? [schema["const"]] : [];
}

/** The schemas of an object's properties by name; empty where there are none. */
export function propertiesOf(schema: Schema): Schema {
  return isSchema(schema["properties"]) ? schema["properties"] : {};
}

/** Names that an object must have. */
export function requiredOf(schema: Schema): readonly string[] {
  const { required } = schema;
  return Array.isArray(required) ? required.filter((name) => typeof name === "string") : [];
}

export function prefixItemsOf(schema: Schema): readonly unknown[] {
  return Array.isArray(schema["prefixItems"]) ? (schema["prefixItems"] as unknown[]) : [];
}

/** The schema of a tool's arguments, which are an object whatever else its parameters allow. */
export function argumentsSchema({ nullable: _, ...parameters }: Schema): Schema {
  const { type, allOf } = parameters;
  if (type === undefined || type === "object") return { ...parameters, type: "object" };
  return { ...parameters, type: "object", allOf: [...(Array.isArray(allOf) ? (allOf as unknown[]) : []), { type }] };
}
