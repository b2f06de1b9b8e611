import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { sampleOfPattern } from "../../../src/engine/sim/pattern.ts";
import { sampleValue } from "../../../src/engine/sim/schema-value.ts";
import type { Json, JsonObject } from "../../../src/model/json.ts";
import { growth } from "../../support/cpu.ts";

function make(schema: JsonObject, optional: "all" | "defaults" = "all"): Json {
  return sampleValue(schema, optional);
}

/** zod reads JSON Schema by itself: a judge that shares no code with us. */
function valid(schema: JsonObject, value: Json): boolean {
  return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value).success;
}

const leaf: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.record({ type: fc.constant("string") }, { requiredKeys: ["type"] }),
  fc
    .tuple(fc.nat({ max: 30 }), fc.nat({ max: 30 }))
    .map(([least, more]) => ({ type: "string", minLength: least, maxLength: least + more })),
  fc
    .constantFrom("date", "date-time", "time", "email", "uri", "uuid", "ipv4", "ipv6")
    .map((format) => ({ type: "string", format })),
  fc
    .constantFrom("^[A-Z]{3}-\\d{4}$", "^(?:foo|bar)+$", "^#[0-9a-f]{6}$", "^\\+?[1-9]\\d{1,14}$")
    .map((pattern) => ({ type: "string", pattern })),
  fc
    .tuple(fc.integer({ min: -50, max: 50 }), fc.nat({ max: 50 }))
    .map(([least, more]) => ({ type: "integer", minimum: least, maximum: least + more })),
  fc
    .tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 1, max: 7 }))
    .map(([least, step]) => ({ type: "integer", exclusiveMinimum: least, multipleOf: step })),
  fc.integer({ min: -50, max: 50 }).map((most) => ({ type: "number", exclusiveMaximum: most })),
  fc.constantFrom<JsonObject>(
    { type: "boolean" },
    { type: "null" },
    { enum: ["a", 2, null] },
    { const: "fixed" },
    { type: ["null", "string"] },
  ),
);

const { schema: anySchema } = fc.letrec<{ schema: JsonObject }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    leaf,
    fc
      .tuple(
        fc.dictionary(fc.constantFrom("city", "count", "to", "when", "note"), tie("schema"), {
          maxKeys: 4,
          noNullPrototype: true,
        }),
        fc.boolean(),
      )
      .map(([properties, all]) => ({
        type: "object",
        properties,
        required: all ? Object.keys(properties) : [],
        additionalProperties: false,
      })),
    fc
      .tuple(tie("schema"), fc.nat({ max: 3 }), fc.nat({ max: 3 }))
      .map(([items, least, more]) => ({ type: "array", items, minItems: least, maxItems: least + more })),
    fc.array(tie("schema"), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
  ),
}));

describe("sampleValue", () => {
  it("makes a value that fits, whatever the schema", () => {
    fc.assert(
      fc.property(anySchema, fc.constantFrom("all" as const, "defaults" as const), (schema, optional) => {
        expect(valid(schema, make(schema, optional))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("is deterministic", () => {
    fc.assert(
      fc.property(anySchema, (schema) => {
        expect(make(schema)).toEqual(make(schema));
      }),
    );
  });

  it.each<[string, JsonObject, Json]>([
    ["const", { const: { a: 1 } }, { a: 1 }],
    ["first enum value", { enum: ["celsius", "fahrenheit"] }, "celsius"],
    ["default", { type: "integer", default: 7 }, 7],
    [
      "nested objects",
      { type: "object", properties: { a: { type: "object", properties: { b: { type: "boolean" } } } } },
      { a: { b: false } },
    ],
    ["a reference", { $ref: "#/$defs/x", $defs: { x: { const: "found" } } }, "found"],
    ["a reference with escapes", { $ref: "#/$defs/a~1b%20c", $defs: { "a/b c": { const: 1 } } }, 1],
    [
      "allOf",
      {
        allOf: [
          { type: "object", properties: { a: { const: 1 } }, required: ["a"] },
          { properties: { b: { const: 2 } }, required: ["b"] },
        ],
      },
      { a: 1, b: 2 },
    ],
    ["the branch that is not null", { anyOf: [{ type: "null" }, { const: 3 }] }, 3],
    [
      "a top-level oneOf",
      { oneOf: [{ type: "object", properties: { n: { type: "number", minimum: 2 } }, required: ["n"] }] },
      { n: 2 },
    ],
    ["prefixItems", { type: "array", prefixItems: [{ const: 1 }, { const: "b" }], items: false }, [1, "b"]],
    ["unique items", { type: "array", items: { type: "integer" }, minItems: 3, uniqueItems: true }, [1, 2, 3]],
    ["unique enum items", { type: "array", items: { enum: ["a", "b"] }, minItems: 2, uniqueItems: true }, ["a", "b"]],
    [
      "least properties",
      { type: "object", minProperties: 2, additionalProperties: { const: 0 } },
      { key1: 0, key2: 0 },
    ],
    ["a required name without a schema", { type: "object", required: ["x"] }, { x: "example x" }],
    ["a type that is only implied", { properties: { a: { items: { const: 1 } } } }, { a: [1] }],
    ["nothing at all", {}, "example"],
  ])("takes %s", (_, schema, expected) => {
    expect(make(schema)).toEqual(expected);
  });

  it("ends in recursive schemas", () => {
    const tree = {
      $ref: "#/$defs/node",
      $defs: {
        node: {
          type: "object",
          properties: {
            children: { type: "array", items: { $ref: "#/$defs/node" } },
            next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] },
          },
          required: ["children", "next"],
          additionalProperties: false,
        },
      },
    };
    expect(valid(tree, make(tree))).toBe(true);
    const endless = {
      $ref: "#/$defs/a",
      $defs: { a: { type: "object", properties: { a: { $ref: "#/$defs/a" } }, required: ["a"] } },
    };
    expect(JSON.stringify(make(endless)).length).toBeLessThan(2_000);
    const circle = { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/a" } } };
    expect(() => make(circle)).not.toThrow();
    const merged = { allOf: [{ $ref: "#" }, { $ref: "#" }] };
    expect(() => make(merged)).not.toThrow();
    expect(() => make({ $ref: "#/%zz" })).not.toThrow();
    const halves = { type: "object", properties: { a: { $ref: "#" }, b: { $ref: "#" } }, required: ["a", "b"] };
    expect(JSON.stringify(make(halves)).length).toBeLessThan(10_000_000);
  });

  it.each<[JsonObject, string]>([
    [{ type: "object", minProperties: 3_000_000 }, "asks for 3000000 properties"],
    [{ type: "array", items: {}, minItems: 3_000_000 }, "asks for 3000000 items"],
    [{ type: "string", minLength: 3_000_000 }, "asks for texts of more than"],
    [{ type: "array", items: { type: "string", minLength: 9_000 }, minItems: 900 }, "asks for texts of more than"],
  ])("refuses %j", (schema, message) => {
    const asked = expect.objectContaining({ kind: "invalid", message: expect.stringContaining(message) as string });
    expect(() => make(schema)).toThrow(asked);
  });

  it("refuses schemas that multiply, and reads a part that stands in many places once", () => {
    const chain = (length: number, end: JsonObject): JsonObject => ({
      $ref: "#/$defs/a0",
      $defs: Object.fromEntries([
        ...Array.from({ length }, (_, at) => {
          const $ref = `#/$defs/a${at + 1}`;
          return [`a${at}`, { allOf: [{ $ref }, { $ref }] }] as const;
        }),
        [`a${length}`, end],
      ]),
    });
    expect(make(chain(24, { const: "end" }))).toBe("end");
    const times = (length: number) => (): void => {
      for (let count = 0; count < 20; count++) make(chain(length, { type: "string" }));
    };
    expect(growth(times(9), times(18))).toBeLessThan(20);
    const ways = [1, 2, 3, 4].map((value) => ({ properties: { [value]: { const: value } } }));
    expect(() => make(chain(24, { anyOf: ways }))).toThrow(
      expect.objectContaining({ kind: "invalid", message: "is too complex" }),
    );
  });

  it("keeps the order of the schema's properties", () => {
    const names = ["zebra", "apple", "mango"];
    const schema = {
      type: "object",
      properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
      required: names.toReversed(),
    };
    expect(Object.keys(make(schema) as JsonObject)).toEqual(names);
  });

  it("leaves out optional properties that have no default", () => {
    const schema = {
      type: "object",
      properties: {
        command: { type: "string" },
        workdir: { type: "string" },
        unit: { enum: ["c", "fahrenheit"] },
        limit: { type: "integer", default: 5 },
      },
      required: ["command"],
    };
    expect(make(schema, "defaults")).toEqual({ command: "example command", limit: 5 });
  });
});

/** Schemas are to be read with Unicode; some authors' escapes are only legal without. */
function compiled(source: string): RegExp {
  try {
    return new RegExp(source, "u");
  } catch {
    return new RegExp(source);
  }
}

describe("sampleOfPattern", () => {
  it.each([
    "^[A-Z]{2}\\d{6}$",
    "^(\\d{4})-(\\d{2})$",
    "^[^@\\s]+@[a-z]+\\.com$",
    "a|b",
    "^\\p{Lu}\\p{Ll}*$",
    "^x{0,3}y?z*$",
    "^(?<year>\\d{4})$",
    "[\\]\\\\-]",
    "^\\u0041$",
    "^[\\w-.]+$",
    "^\\bword\\b$",
    "^a{5000}$",
    "^\\u{1F600}\\ud83d\\ude00😀$",
    "[α-ω]\\f",
    "",
  ])("matches %s", (source) => {
    expect(compiled(source).test(sampleOfPattern(source) ?? "no sample")).toBe(true);
  });

  it("gives up on what is too much, and takes no time for it", () => {
    const nested = `${"(?:".repeat(20)}a${"){1000}".repeat(20)}`;
    const nothing = `${"(?:".repeat(20)}${"){999999999}".repeat(20)}`;
    const deep = `${"(".repeat(5_000)}a${")".repeat(5_000)}`;
    const alternatives = "^(a|a){40}\\bb$";
    for (const source of [nested, nothing, deep, alternatives]) expect(sampleOfPattern(source)).toBeUndefined();
  });

  it("gives up on what it cannot make", () => {
    for (const source of ["^(?=.*\\d)(?=.*[a-z]).{8,}$", "(", "^(a)\\1b$"])
      expect(sampleOfPattern(source)).toBeUndefined();
  });
});
