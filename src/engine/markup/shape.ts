import { allowedValues, allows } from "../../lib/json-schema/form.ts";
import { SchemaReader } from "../../lib/json-schema/reader.ts";
import {
  prefixItemsOf,
  propertiesOf,
  type Schema,
  type TypeName,
  typeNamed,
  typeOf,
} from "../../lib/json-schema/schema.ts";
import type { ToolDefinition } from "../../model/request.ts";

/** What a JSON Schema lets a value be: all alternatives of unions, references and compositions side by side. */
export class Shape {
  /** Empty: nothing is known. */
  readonly types: ReadonlySet<TypeName>;
  /** Whether values must fit: a text that may not be null is no null, though it says "null". */
  readonly strict: boolean;
  private readonly alternatives: readonly Schema[];
  private readonly reader: SchemaReader;

  /** The shape of values that fit any of the parts, of a schema that the reader reads. */
  constructor(parts: readonly unknown[], reader: SchemaReader, strict = false) {
    this.reader = reader;
    this.strict = strict;
    this.alternatives = alternativesOf(parts, reader);
    this.types = new Set(this.alternatives.flatMap(typesOf));
  }

  /** Certainly text: it may be passed on before it is complete. */
  get textOnly(): boolean {
    return this.types.has("string") && [...this.types].every((type) => type === "string" || type === "null");
  }

  /** Whether a value may be given out: any where values need not fit. */
  takes(value: unknown): boolean {
    return !this.strict || this.alternatives.some((schema) => allows(schema, value));
  }

  member(name: string): Shape {
    const found = this.alternatives.map((schema) => {
      const properties = propertiesOf(schema);
      return Object.hasOwn(properties, name) ? properties[name] : schema["additionalProperties"];
    });
    return new Shape(found, this.reader, this.strict);
  }

  element(index: number): Shape {
    const found = this.alternatives.map((schema) => prefixItemsOf(schema)[index] ?? schema["items"]);
    return new Shape(found, this.reader, this.strict);
  }
}

/** The shape of a tool's arguments; of an undeclared tool nothing is known. */
export function shapeOf(tools: readonly ToolDefinition[], name: string): Shape {
  const tool = tools.find((candidate) => candidate.name === name);
  return new Shape(tool === undefined ? [] : [tool.parameters], lenientReader(tool?.parameters), tool?.strict);
}

/** A reader for answers: of what it cannot read nothing is known, and the answer goes on. */
export function lenientReader(root: unknown): SchemaReader {
  return new SchemaReader(root, { missing: "allow", refuse: (problem) => new Unreadable(problem) });
}

class Unreadable extends Error {}

function alternativesOf(parts: readonly unknown[], reader: SchemaReader): readonly Schema[] {
  try {
    return parts.flatMap((part) => reader.alternatives(part));
  } catch (thrown) {
    if (thrown instanceof Unreadable) return [];
    throw thrown;
  }
}

function typesOf(schema: Schema): readonly TypeName[] {
  const named = typeNamed(schema["type"]);
  if (named !== undefined) return [named];
  const values = allowedValues(schema);
  if (values !== undefined) return values.map(typeOfValue);
  const implied = typeOf(schema);
  return implied === undefined ? [] : [implied];
}

function typeOfValue(value: unknown): TypeName {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  if (typeof value === "boolean") return "boolean";
  return typeof value === "string" ? "string" : "object";
}
