import type { Steps } from "../time-slices.ts";
import { resolvePointer } from "./pointer.ts";
import { isSchema, type Schema, typeNamed } from "./schema.ts";
import { readSteps, weightOf, type WorkBudget } from "./work.ts";

/** What is wrong with the form of a schema. */
export interface Malformed {
  /** Where, as a path that begins with a dot or a bracket: `.properties.a.$ref`; empty for the schema itself. */
  path: string;
  /** For example "must be a string". */
  problem: string;
}

/** Schemas that are looked at in one step. */
const schemasPerStep = 500;

/**
 * The first keyword of draft 2020-12 or draft-07 whose value has the wrong type; undefined where there is none. Looks at
 * every schema within the root and at what its references point to. Keywords of no draft are ignored, empty lists of
 * schemas are taken, and so is `null` for a keyword that says nothing about values. A schema that is larger than one may
 * be is malformed too; the work counts towards the budget of the request's schemas.
 */
export function* findMalformed(root: Schema, work: WorkBudget): Steps<Malformed | undefined> {
  const weight = weightOf(root);
  if (weight === undefined) return { path: "", problem: "is too large" };
  if (!work.take(readSteps(weight))) return { path: "", problem: "is too complex" };
  yield;
  const seen = new Set<unknown>();
  const open: Part[] = [{ value: root, place: undefined }];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const { value, place } = part;
    if (typeof value === "boolean" || seen.has(value)) continue;
    if (!isSchema(value)) return { path: pathOf(place), problem: "must be a schema: an object, true or false" };
    seen.add(value);
    if (seen.size % schemasPerStep === 0) yield;
    const inner: Part[] = [];
    const found = lookAt(value, place, inner);
    if (found !== undefined) return { path: pathOf(found.place), problem: found.problem };
    const target = targetOf(value, root);
    if (target !== undefined) open.push(target);
    // the first one is looked at next
    for (let at = inner.length - 1; at >= 0; at -= 1) open.push(inner[at] as Part);
  }
  return undefined;
}

/** Where a value stands: under a name or number of what stands at `within`. The root's is undefined. */
interface Place {
  within: Place | undefined;
  key: string | number;
}

/** What has to be a schema. */
interface Part {
  value: unknown;
  place: Place | undefined;
}

interface Wrong {
  place: Place | undefined;
  problem: string;
}

/** Checks the value at a place; adds what in it has to be a schema to `inner`. */
type Rule = (value: unknown, place: Place, inner: Part[]) => Wrong | undefined;

function lookAt(schema: Schema, within: Place | undefined, inner: Part[]): Wrong | undefined {
  for (const [key, value] of Object.entries(schema)) {
    const found = rules.get(key)?.(value, { within, key }, inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What a reference points to, at its place in the root. */
function targetOf({ $ref }: Schema, root: Schema): Part | undefined {
  if (typeof $ref !== "string" || !$ref.startsWith("#")) return undefined;
  const value = resolvePointer(root, $ref);
  if (!isSchema(value)) return undefined;
  const steps = $ref.slice(1).split("/").filter(Boolean);
  return { value, place: steps.reduce<Place | undefined>((within, key) => ({ within, key }), undefined) };
}

/** Longest name and longest path that are repeated to a caller. */
const maxNameChars = 64;
const maxPathChars = 300;

function pathOf(place: Place | undefined): string {
  const steps: string[] = [];
  for (let at = place; at !== undefined; at = at.within) steps.push(stepOf(at.key));
  const path = steps.toReversed().join("");
  return path.length > maxPathChars ? `${path.slice(0, maxPathChars).toWellFormed()}...` : path;
}

function stepOf(key: string | number): string {
  if (typeof key === "number") return `[${key}]`;
  return /^[\w$-]{1,64}$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, maxNameChars))}]`;
}

function must(wanted: string, fits: (value: unknown) => boolean): Rule {
  return (value, place) => (fits(value) ? undefined : { place, problem: `must be ${wanted}` });
}

/** A keyword that says nothing about values: clients write `null` for "not given". */
function silent(rule: Rule): Rule {
  return (value, place, inner) => (value === null ? undefined : rule(value, place, inner));
}

/** A list each of whose members follows a rule. */
function listOf(wanted: string, rule: Rule): Rule {
  return (value, place, inner) => {
    if (!Array.isArray(value)) return { place, problem: `must be ${wanted}` };
    for (const [at, one] of (value as unknown[]).entries()) {
      const found = rule(one, { within: place, key: at }, inner);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

/** An object each of whose members follows a rule. */
function mapOf(wanted: string, rule: Rule): Rule {
  return (value, place, inner) => {
    if (!isSchema(value)) return { place, problem: `must be ${wanted}` };
    for (const [name, one] of Object.entries(value)) {
      const found = rule(one, { within: place, key: name }, inner);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

/** Lists follow one rule, other values another. */
function either(ofList: Rule, otherwise: Rule): Rule {
  return (value, place, inner) => (Array.isArray(value) ? ofList : otherwise)(value, place, inner);
}

const schema: Rule = (value, place, inner) => {
  inner.push({ value, place });
  return undefined;
};
const schemas = listOf("an array of schemas", schema);
const namedSchemas = mapOf("an object of schemas", schema);
const text = must("a string", (value) => typeof value === "string");
const texts = listOf("an array of strings", text);
const flag = must("true or false", (value) => typeof value === "boolean");
const number = must("a number", (value) => typeof value === "number");
const count = must("an integer of at least 0", (value) => Number.isInteger(value) && Number(value) >= 0);
const type = must(
  "one of null, boolean, object, array, number, integer, string",
  (value) => typeNamed(value) !== undefined,
);

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["type", either(listOf("a type or an array of types", type), type)],
  ["enum", must("an array", Array.isArray)],
  ...["$ref", "$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "pattern", "format"].map(
    (word) => [word, text] as const,
  ),
  ...["additionalProperties", "unevaluatedProperties", "propertyNames"].map((word) => [word, schema] as const),
  ...["additionalItems", "unevaluatedItems", "contains"].map((word) => [word, schema] as const),
  ...["not", "if", "then", "else"].map((word) => [word, schema] as const),
  // draft-07 has lists of schemas in `items`
  ["items", either(schemas, schema)],
  ...["allOf", "anyOf", "oneOf", "prefixItems"].map((word) => [word, schemas] as const),
  ...["properties", "patternProperties", "dependentSchemas"].map((word) => [word, namedSchemas] as const),
  ...["$defs", "definitions"].map((word) => [word, namedSchemas] as const),
  ["required", texts],
  ["dependentRequired", mapOf("an object of arrays of strings", texts)],
  ["dependencies", mapOf("an object of schemas and arrays of strings", either(texts, schema))],
  ...["minLength", "maxLength", "minItems", "maxItems"].map((word) => [word, count] as const),
  ...["minProperties", "maxProperties", "minContains", "maxContains"].map((word) => [word, count] as const),
  ...["minimum", "maximum"].map((word) => [word, number] as const),
  // of draft 4: whether the bound itself is excluded
  ...["exclusiveMinimum", "exclusiveMaximum"].map(
    (word) => [word, must("a number", (value) => typeof value === "number" || typeof value === "boolean")] as const,
  ),
  ["multipleOf", must("a number above 0", (value) => typeof value === "number" && value > 0)],
  ["uniqueItems", flag],
  ...["$schema", "$comment", "title", "description"].map((word) => [word, silent(text)] as const),
  ...["contentEncoding", "contentMediaType"].map((word) => [word, silent(text)] as const),
  ["contentSchema", silent(schema)],
  ["examples", silent(must("an array", Array.isArray))],
  ...["deprecated", "readOnly", "writeOnly"].map((word) => [word, silent(flag)] as const),
]);
