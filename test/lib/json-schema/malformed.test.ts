import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it, test } from "vitest";
import { findMalformed } from "../../../src/lib/json-schema/malformed.ts";
import type { Schema } from "../../../src/lib/json-schema/schema.ts";
import { finish } from "../../../src/lib/time-slices.ts";
import { WorkBudget } from "../../../src/lib/json-schema/work.ts";
import { HostileSchemas } from "../../support/hostile-schema.ts";

function found(schema: Schema): string | undefined {
  const malformed = finish(findMalformed(schema, new WorkBudget()));
  return malformed && `${malformed.path}: ${malformed.problem}`;
}

function deep(levels: number): Schema {
  return levels === 0 ? { type: 1 } : { properties: { abcdefgh: deep(levels - 1) } };
}

const strings = "must be a string";
const schema = "must be a schema: an object, true or false";
const count = "must be an integer of at least 0";
const types = "must be one of null, boolean, object, array, number, integer, string";

describe("a keyword with a value of the wrong type", () => {
  it.each<[Schema, string]>([
    [{ $ref: 1 }, `.$ref: ${strings}`],
    [{ properties: { a: { $ref: [] } } }, `.properties.a.$ref: ${strings}`],
    [{ type: "object", required: [1] }, `.required[0]: ${strings}`],
    [{ required: ["a", true] }, `.required[1]: ${strings}`],
    [{ required: [null] }, `.required[0]: ${strings}`],
    [{ required: "a" }, ".required: must be an array of strings"],
    [{ required: null }, ".required: must be an array of strings"],
    [{ enum: {} }, ".enum: must be an array"],
    [{ type: 5 }, `.type: ${types}`],
    [{ type: ["string", "thing"] }, `.type[1]: ${types}`],
    [{ type: {} }, `.type: ${types}`],
    [{ items: 3 }, `.items: ${schema}`],
    [{ items: [{}, 3] }, `.items[1]: ${schema}`],
    [{ minLength: "x" }, `.minLength: ${count}`],
    [{ maxItems: -1 }, `.maxItems: ${count}`],
    [{ minProperties: 1.5 }, `.minProperties: ${count}`],
    [{ pattern: 7 }, `.pattern: ${strings}`],
    [{ format: {} }, `.format: ${strings}`],
    [{ properties: [] }, ".properties: must be an object of schemas"],
    [{ $defs: { a: [] } }, `.$defs.a: ${schema}`],
    [{ allOf: {} }, ".allOf: must be an array of schemas"],
    [{ anyOf: ["a"] }, `.anyOf[0]: ${schema}`],
    [{ prefixItems: {} }, ".prefixItems: must be an array of schemas"],
    [{ minimum: "1" }, ".minimum: must be a number"],
    [{ multipleOf: 0 }, ".multipleOf: must be a number above 0"],
    [{ uniqueItems: 1 }, ".uniqueItems: must be true or false"],
    [{ additionalProperties: "no" }, `.additionalProperties: ${schema}`],
    [{ not: null }, `.not: ${schema}`],
    [{ dependentRequired: { a: ["b", 1] } }, `.dependentRequired.a[1]: ${strings}`],
    [{ dependencies: { a: 1 } }, `.dependencies.a: ${schema}`],
    [{ description: 1 }, `.description: ${strings}`],
    [{ properties: { "a b": { type: 1 } } }, `.properties["a b"].type: ${types}`],
    [{ properties: { ["x".repeat(1000)]: 1 } }, `.properties["${"x".repeat(64)}"]: ${schema}`],
    [JSON.parse('{"properties":{"__proto__":{"type":1}}}') as Schema, `.properties.__proto__.type: ${types}`],
    [{ $ref: "#/parts/a", parts: { a: { items: { type: 1 } } } }, `.parts.a.items.type: ${types}`],
    [{ allOf: [{ $ref: "#/parts/a" }], parts: { a: { $ref: 1 } } }, `.parts.a.$ref: ${strings}`],
    [deep(60), `${".properties.abcdefgh".repeat(16).slice(0, 300)}...: ${types}`],
    // the first one in reading order
    [{ properties: { a: { items: { type: 1 } }, b: 1 }, required: 1 }, ".required: must be an array of strings"],
    [{ properties: { a: { items: { type: 1 } }, b: 1 } }, `.properties.a.items.type: ${types}`],
  ])("%j", (given, problem) => {
    expect(found(given)).toBe(problem);
  });

  it.each<Schema>([
    {},
    { type: ["string", "null"], $ref: "#", $recursive: 5, nullable: "yes", id: 5 },
    { items: [], prefixItems: [], anyOf: [], allOf: [], required: [], enum: [] },
    { minimum: 1, exclusiveMinimum: true, items: [{ type: "string" }, false], additionalItems: true },
    { definitions: { a: true }, dependencies: { a: ["b"], c: { required: ["d"] } } },
    { const: { type: 5 }, default: { $ref: 1 }, enum: [{ required: 1 }], examples: [{ type: 1 }] },
    { description: null, title: null, deprecated: null, examples: null },
    { properties: { type: { type: "string" }, required: {}, $ref: {} } },
    { type: "dict", properties: { a: { type: "STRING" } } },
    { $ref: "#/$defs/nowhere", $defs: { a: { $ref: "http://e/x" } } },
  ])("none in %j", (given) => {
    expect(found(given)).toBeUndefined();
  });
});

test("what is malformed fits the meta-schema of draft 2020-12 or of draft-07 neither", () => {
  const drafts = [new Ajv2020({ strict: false, logger: false }), new Ajv({ strict: false, logger: false })];
  const schemas = new HostileSchemas(7);
  const counts = { malformed: 0, both: 0 };
  for (let at = 0; at < 2_000; at += 1) {
    const given = schemas.next();
    // draft-07 does not look into `$defs`, 2020-12 not into `additionalItems`
    if (JSON.stringify(given).includes("additionalItems")) continue;
    const problem = found(given);
    const fits = drafts.every((draft) => draft.validateSchema(given) === true);
    if (problem !== undefined) expect({ given, problem, fits }).toMatchObject({ fits: false });
    counts.malformed += problem === undefined ? 0 : 1;
    counts.both += fits ? 1 : 0;
  }
  // neither side is empty
  expect(counts.malformed).toBeGreaterThan(100);
  expect(counts.both).toBeGreaterThan(20);
});

describe("work", () => {
  test("a schema that is too large is not looked at", () => {
    const properties = Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`p${at}`, {}]));
    expect(found({ properties })).toBe(": is too large");
  });

  test("all schemas of a request share their budget", () => {
    const properties = Object.fromEntries(Array.from({ length: 49_000 }, (_, at) => [`p${at}`, true]));
    const work = new WorkBudget();
    const all = Array.from({ length: 8 }, () => finish(findMalformed({ properties }, work))?.problem);
    expect(all[0]).toBeUndefined();
    expect(all.at(-1)).toBe("is too complex");
  });

  test("references in a circle end", () => {
    expect(found({ $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } })).toBeUndefined();
  });
});
