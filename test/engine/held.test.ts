import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { requireHeld } from "../../src/engine/held.ts";
import { Grammar } from "../../src/engine/llama/grammar.ts";
import { SchemaGrammar } from "../../src/engine/llama/schema-grammar.ts";
import { sampleValue } from "../../src/engine/sim/schema-value.ts";
import type { JsonObject } from "../../src/model/json.ts";
import type { GenerationRequest } from "../../src/model/request.ts";
import { GbnfWalker, randomFrom } from "../support/gbnf.ts";
import { generationRequest } from "../support/request.ts";
import { anySchema, judge } from "../support/schema.ts";

function strict(schema: JsonObject): GenerationRequest {
  return generationRequest({ format: { type: "schema", schema, strict: true, path: "schema" } });
}

/** What the schema's grammar and the simulator make; how the numbers come is told by a seed. */
function answers(schema: JsonObject, seeds: readonly number[]): unknown[] {
  const grammar = new Grammar();
  const walker = new GbnfWalker(grammar.source(new SchemaGrammar(grammar, schema).json(schema)));
  const texts = seeds.map((seed) => walker.text(randomFrom(seed)));
  return [
    ...texts.map((text) => JSON.parse(text) as unknown),
    ...(["all", "defaults"] as const).map((optional) => sampleValue(schema, optional, { fit: "exact" })),
  ];
}

const seeds = Array.from({ length: 40 }, (_, at) => at);
const integer = { type: "integer" };
const A = { type: "object", properties: { x: integer }, required: ["x"] };
const B = { type: "object", properties: { y: { type: "boolean" } }, required: ["y"] };
const $defs = { A, B, n: { type: "integer", $anchor: "item" } };

const held: readonly [string, JsonObject][] = [
  [
    "names only in required",
    { type: "object", additionalProperties: { type: "integer", maximum: 9 }, required: ["a", "b"] },
  ],
  ["a record of listed names", z.toJSONSchema(z.partialRecord(z.enum(["a", "b"]), z.int().max(9))) as JsonObject],
  ["a full record", z.toJSONSchema(z.record(z.enum(["a", "b"]), z.int().max(9))) as JsonObject],
  ["any record", z.toJSONSchema(z.record(z.string(), z.boolean())) as JsonObject],
  [
    "a tuple of draft 7",
    {
      type: "array",
      items: [{ type: "number" }, { type: "boolean" }],
      additionalItems: false,
      minItems: 2,
      maxItems: 2,
    },
  ],
  ["a tuple of draft 7 with more", { type: "array", items: [{ type: "number" }], additionalItems: { type: "null" } }],
  [
    "a tuple and its rest",
    { type: "array", prefixItems: [integer], items: { type: "boolean" }, minItems: 3, maxItems: 3 },
  ],
  ["a tuple shorter than listed", { type: "array", prefixItems: [integer, { type: "null" }], maxItems: 1 }],
  ["a tuple with items of any kind behind", { type: "array", prefixItems: [integer], minItems: 3 }],
  ["items", { type: "array", items: integer, minItems: 2, maxItems: 4 }],
  ["no items", { type: "array", items: integer, maxItems: 0 }],
  ["items false", { type: "array", items: false }],
  ...(["oneOf", "anyOf"] as const).map((word): [string, JsonObject] => [
    `a base beside ${word}`,
    {
      type: "object",
      properties: { id: integer },
      required: ["id"],
      [word]: [{ $ref: "#/$defs/A" }, { $ref: "#/$defs/B" }],
      $defs,
    },
  ]),
  ["siblings of a reference", { $ref: "#/$defs/A", properties: { id: integer }, required: ["id"], $defs }],
  ["allOf of anyOf", { allOf: [{ anyOf: [A] }, { anyOf: [B] }] }],
  ["oneOf beside anyOf", { type: "integer", anyOf: [{ minimum: 5 }], oneOf: [{ maximum: 9 }] }],
  [
    "bounds in allOf",
    {
      allOf: [
        { type: "integer", minimum: 5 },
        { type: "integer", minimum: 1, maximum: 9 },
      ],
    },
  ],
  [
    "additionalProperties in allOf",
    {
      allOf: [
        { ...A, additionalProperties: integer },
        { required: ["q"], ...{ properties: { q: {} } } },
      ],
    },
  ],
  ["a constant of the listed values", { enum: [1, 3], const: 3 }],
  ["an anchor", { $ref: "#item", $defs }],
  ["values of one type", { type: "integer", enum: [1, "a", 7], minimum: 2 }],
  ["values of a list of types", { type: ["string", "null"], enum: ["a", 1, null] }],
  ["a pattern of two ways", { type: "string", pattern: "^$|^[0-9]{2}$" }],
  ["a pattern with a length", { type: "string", pattern: "^ab.*", maxLength: 5 }],
  ["an open pattern with a length", { type: "string", pattern: "b", minLength: 4, maxLength: 6 }],
  ["a pattern of groups with a length", { type: "string", pattern: "^[a-z]+(-[a-z]+)*$", minLength: 9, maxLength: 12 }],
  ["a pattern without a type", { pattern: "^a+$" }],
  ["a length without a type", { minLength: 3 }],
  ["a length", { type: "string", minLength: 3, maxLength: 4 }],
  ...[
    ...["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri", "uri-reference"],
    ...["json-pointer", "relative-json-pointer", "regex", "uri-template"],
  ].map((format): [string, JsonObject] => [`format ${format}`, { type: "string", format }]),
  ["a format with a length", { type: "string", format: "email", maxLength: 20 }],
  ["a default that does not fit", { type: "string", format: "email", default: "nobody" }],
  ...[z.email(), z.uuid(), z.ipv4(), z.ipv6(), z.iso.date(), z.iso.datetime(), z.iso.duration(), z.hostname()].map(
    (type, at): [string, JsonObject] => [`zod's format ${at}`, z.toJSONSchema(type) as JsonObject],
  ),
  ["zod's time", z.toJSONSchema(z.iso.time()) as JsonObject],
  ...[2, 5, 10, 25, 250].map((multipleOf): [string, JsonObject] => [
    `multiples of ${multipleOf}`,
    { type: "integer", multipleOf },
  ]),
  ["multiples from zero on", { type: "number", multipleOf: 5, minimum: 0 }],
  ["multiples within bounds", { type: "integer", multipleOf: 7, minimum: 3, exclusiveMaximum: 70 }],
  ["multiples of a half", { type: "number", multipleOf: 0.5, minimum: -3, maximum: 3 }],
  ["multiples of both", { type: "integer", allOf: [{ multipleOf: 5 }, { multipleOf: 2 }] }],
  ["cents", { type: "number", multipleOf: 0.01, minimum: 0 }],
  ["a bound excluded by true, as draft 4 has it", { type: "integer", minimum: 3, exclusiveMinimum: true, maximum: 5 }],
  ["an impossible property", { type: "object", properties: { a: false, b: integer }, required: ["b"] }],
  ["listed names with a length", { propertyNames: { enum: ["a", "abc"], maxLength: 1 } }],
  ["nullable", { type: "integer", nullable: true }],
  ["nullable beside values with null", { type: "string", enum: ["a", null], nullable: true }],
  ["keywords of other types than the values", { enum: ["a", 2], contains: integer, dependentSchemas: { a: false } }],
  ["few properties", { type: "object", additionalProperties: integer, maxProperties: 2 }],
  ["required properties enough", { ...A, minProperties: 1 }],
  [
    "a union by a constant",
    {
      oneOf: ["a", "b", "c"].map((kind) => ({
        type: "object",
        properties: { kind: { const: kind }, [kind]: integer },
        required: ["kind"],
      })),
    },
  ],
  ["ranges side by side", { type: "integer", oneOf: [{ maximum: 5 }, { minimum: 6 }] }],
  ["not of another type", { type: "string", not: { type: "integer" } }],
];

describe("a schema with strict: true", () => {
  it.each(held)("is held: %s", (_, schema) => {
    requireHeld(strict(schema));
    // the judge knows draft 4's exclusive bounds as little as 2020-12 does
    const fits = schema["exclusiveMinimum"] === true ? judge({ enum: [4, 5] }) : judge(schema);
    expect(answers(schema, seeds).filter((answer) => !fits(answer))).toEqual([]);
  });

  it.each<[string, JsonObject, string]>([
    ["a look-ahead", { type: "string", pattern: "^(?!foo)[a-z]{3}$" }, "'pattern' at #"],
    ["a property of Unicode", { type: "string", pattern: "\\p{L}" }, "'pattern' at #"],
    ["a word boundary", { type: "string", pattern: "\\b" }, "'pattern' at #"],
    ["two patterns", { type: "string", pattern: "^a", allOf: [{ pattern: "b$" }] }, "'pattern' at #"],
    ["a pattern beside a format", { type: "string", pattern: "^a", format: "email" }, "'pattern' at #"],
    ["a pattern too long", { type: "string", pattern: "^abc", maxLength: 2 }, "'pattern' at #"],
    ["a place inside", { properties: { a: { items: { pattern: "\\b" } } } }, "'pattern' at #/properties/a/items"],
    ["minProperties", { type: "object", minProperties: 1 }, "'minProperties' at #"],
    ["patternProperties", { patternProperties: { "^a": integer } }, "'patternProperties' at #"],
    ["if", { if: { type: "string" }, else: false }, "'if' at #"],
    ["dependentRequired", { dependentRequired: { a: ["b"] } }, "'dependentRequired' at #"],
    ["contains", { type: "array", contains: integer }, "'contains' at #"],
    ["an item of any kind", { contains: true }, "'contains' at #"],
    ["unevaluatedItems of values without a type", { unevaluatedItems: false }, "'unevaluatedItems' at #"],
    ["dependentSchemas without a type", { dependentSchemas: { a: false } }, "'dependentSchemas' at #"],
    [
      "unevaluatedProperties beside values",
      { enum: [{ a: 1 }, 0], unevaluatedProperties: false },
      "'unevaluatedProperties' at #",
    ],
    ["listed names beside a pattern", { propertyNames: { enum: ["a"], pattern: "^b" } }, "'propertyNames' at #"],
    ["listed names of several types", { propertyNames: { const: "a", type: ["integer"] } }, "'propertyNames' at #"],
    ["nullable beside values without null", { type: "string", enum: ["a"], nullable: true }, "'nullable' at #"],
    ["nullable beside a reference", { $ref: "#/$defs/A", nullable: true, $defs }, "'nullable' at #"],
    ["uniqueItems", { type: "array", items: integer, uniqueItems: true }, "'uniqueItems' at #"],
    ["oneOf that overlaps", { oneOf: [integer, { type: "number" }] }, "'oneOf' at #"],
    [
      "oneOf of object keywords and values",
      { oneOf: [{ additionalProperties: false, required: ["a"] }, { enum: ["a", 2] }], properties: { a: {} } },
      "'oneOf' at #",
    ],
    ["not", { type: "integer", not: { const: 3 } }, "'not' at #"],
    ["not", { maximum: 0, enum: ["a", null], not: { oneOf: [{ exclusiveMinimum: 0 }, integer] } }, "'not' at #"],
    ["multiples", { type: "integer", multipleOf: 7 }, "'multipleOf' at #"],
    ["propertyNames", { propertyNames: { pattern: "^a" } }, "'propertyNames' at #"],
    ["very long texts", { type: "string", minLength: 5000 }, "'minLength' at #"],
    ["very long arrays", { type: "array", minItems: 5000 }, "'minItems' at #"],
    ["a pattern beside values", { enum: ["a"], pattern: "b" }, "'pattern' at #"],
    ["no values", { enum: [] }, "allows no value at #"],
    ["a range without numbers", { type: "integer", minimum: 1.2, maximum: 1.8 }, "allows no value at #"],
    ["too few items", { type: "array", prefixItems: [integer], items: false, minItems: 2 }, "allows no value at #"],
    ["a name that is forbidden", { additionalProperties: false, required: ["a"] }, "allows no value at #/properties/a"],
    ["a reference to nowhere", { $ref: "#/$defs/no" }, "points nowhere"],
  ])("is refused: %s", (_, schema, problem) => {
    const asked = { kind: "invalid", message: expect.stringContaining(problem) as string };
    expect(() => requireHeld(strict(schema))).toThrow(expect.objectContaining(asked));
    expect(() =>
      requireHeld(generationRequest({ format: { type: "schema", schema, strict: false, path: "schema" } })),
    ).not.toThrow();
  });

  it("law: what is not refused, fits", () => {
    let kept = 0;
    fc.assert(
      fc.property(anySchema, fc.array(fc.nat(), { minLength: 6, maxLength: 6 }), (schema, some) => {
        try {
          requireHeld(strict(schema));
        } catch {
          return;
        }
        kept += 1;
        const fits = judge(schema);
        expect(answers(schema, some).filter((answer) => !fits(answer))).toEqual([]);
      }),
      { numRuns: 500 },
    );
    expect(kept).toBeGreaterThan(100);
  });

  it("the schemas of strict tools are checked as well", () => {
    const tool = { name: "t", parameters: { properties: { a: { pattern: "\\b" } } } };
    const request = (tools: GenerationRequest["tools"]): GenerationRequest => generationRequest({ tools });
    expect(() => requireHeld(request([{ ...tool, strict: true }]))).toThrow("'pattern' at #/properties/a");
    expect(() => requireHeld(request([tool]))).not.toThrow();
  });
});
