import { isObject } from "../../model/json.ts";
import type { ToolDefinition } from "../../model/request.ts";

export type TypeName = "null" | "integer" | "number" | "boolean" | "object" | "array" | "string";

type Schema = Record<string, unknown>;

/** Type words as tools write them; Python's and SQL's habits are met too (the vendor's tool guide, spec sheet 8.1). */
const typeNames: Readonly<Record<string, TypeName>> = {
  null: "null",
  integer: "integer",
  int: "integer",
  number: "number",
  float: "number",
  boolean: "boolean",
  bool: "boolean",
  object: "object",
  dict: "object",
  array: "array",
  list: "array",
  string: "string",
  str: "string",
  text: "string",
};

/** A schema may hold more alternatives than could matter to a model's arguments; beyond this they are not looked at. */
const mostAlternatives = 256;

/** What a JSON Schema lets a value be: all alternatives of unions, references and compositions side by side. */
export class Shape {
  /** Empty: nothing is known. */
  readonly types: ReadonlySet<TypeName>;
  private readonly schemas: readonly Schema[];
  private readonly root: unknown;

  constructor(schemas: readonly unknown[], root: unknown) {
    this.schemas = flatten(schemas, root);
    this.root = root;
    this.types = new Set(this.schemas.flatMap(typesOf));
  }

  /** Certainly text: it may be passed on before it is complete. */
  get textOnly(): boolean {
    return this.types.has("string") && [...this.types].every((type) => type === "string" || type === "null");
  }

  member(name: string): Shape {
    const found = this.schemas.map((schema) => {
      const { properties } = schema;
      return isObject(properties) && Object.hasOwn(properties, name)
        ? properties[name]
        : schema["additionalProperties"];
    });
    return new Shape(found, this.root);
  }

  element(index: number): Shape {
    const found = this.schemas.map(({ prefixItems, items }) => {
      const fixed: unknown = Array.isArray(prefixItems) ? prefixItems[index] : undefined;
      return fixed ?? items;
    });
    return new Shape(found, this.root);
  }
}

/** The shape of a tool's arguments; of an undeclared tool nothing is known. */
export function shapeOf(tools: readonly ToolDefinition[], name: string): Shape {
  const tool = tools.find((candidate) => candidate.name === name);
  return new Shape(tool === undefined ? [] : [tool.parameters], tool?.parameters);
}

function flatten(schemas: readonly unknown[], root: unknown): Schema[] {
  const found = new Set<Schema>();
  const waiting = [...schemas];
  for (let next = waiting.shift(); waiting.length > 0 || next !== undefined; next = waiting.shift()) {
    if (!isObject(next) || found.has(next)) continue;
    if (found.size >= mostAlternatives) break;
    found.add(next);
    for (const word of ["anyOf", "oneOf", "allOf"]) {
      const alternatives = next[word];
      if (Array.isArray(alternatives)) waiting.push(...(alternatives as unknown[]));
    }
    if (typeof next["$ref"] === "string") waiting.push(resolve(next["$ref"], root));
  }
  return [...found];
}

/** A local reference, `#/$defs/name`; others are not followed. */
function resolve(reference: string, root: unknown): unknown {
  if (!reference.startsWith("#")) return undefined;
  let at = root;
  for (const step of reference.slice(1).split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(at)) at = (at as unknown[])[Number(name)];
    else at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  return at;
}

function typesOf(schema: Schema): TypeName[] {
  const { type } = schema;
  const named = (Array.isArray(type) ? (type as unknown[]) : [type])
    .map((word) => (typeof word === "string" ? typeNames[word.toLowerCase()] : undefined))
    .filter((word) => word !== undefined);
  const nullable: TypeName[] = schema["nullable"] === true ? ["null"] : [];
  if (named.length > 0) return [...named, ...nullable];
  if (isObject(schema["properties"])) return ["object", ...nullable];
  if (schema["items"] !== undefined || schema["prefixItems"] !== undefined) return ["array", ...nullable];
  const values = Array.isArray(schema["enum"]) ? (schema["enum"] as unknown[]) : [];
  return (Object.hasOwn(schema, "const") ? [...values, schema["const"]] : values).map(typeOfValue);
}

function typeOfValue(value: unknown): TypeName {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  if (typeof value === "boolean") return "boolean";
  return typeof value === "string" ? "string" : "object";
}
