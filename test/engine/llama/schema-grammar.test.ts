import { describe, expect, it } from "vitest";
import { callForms } from "../../../src/engine/llama/call-grammar.ts";
import { Grammar } from "../../../src/engine/llama/grammar.ts";
import { SchemaGrammar } from "../../../src/engine/llama/schema-grammar.ts";
import type { JsonObject } from "../../../src/model/json.ts";
import { growth } from "../../support/cpu.ts";
import { chained } from "../../support/hostile-schema.ts";

function source(schema: JsonObject): string {
  const grammar = new Grammar();
  const schemas = new SchemaGrammar(grammar, schema);
  schemas.requireNarrow(schema);
  return grammar.source(schemas.json(schema));
}

/** Pydantic's first major version wraps every reference into `allOf`. */
const wrapped: JsonObject = { title: "Child", allOf: [{ $ref: "#/definitions/Node" }] };
const node: JsonObject = {
  type: "object",
  properties: { name: { type: "string" }, child: wrapped },
  required: ["name"],
};
const optional: JsonObject = { anyOf: [wrapped, { type: "null" }] };

describe("SchemaGrammar", () => {
  it.each([
    ["in a property", { allOf: [{ $ref: "#/definitions/Node" }], definitions: { Node: node } }],
    ["in an alternative", { definitions: { Node: { ...node, properties: { child: optional } } }, ...wrapped }],
    ["in items", { definitions: { Node: { type: "array", items: wrapped } }, ...wrapped }],
  ] as [string, JsonObject][])("a schema that merges itself in %s is held by rules", (_, schema) => {
    expect(source(schema).length).toBeLessThan(10_000);
    const { definitions } = schema;
    const tool = { name: "grow", parameters: { type: "object", properties: { tree: schema }, definitions } };
    for (const form of Object.values(callForms)) {
      expect(form.call(new Grammar(), tool).length).toBeLessThan(10_000);
    }
  });

  it.each([
    { allOf: [{ $ref: "#" }] },
    { $ref: "#/%zz" },
    { type: [] },
    { enum: [] },
    { anyOf: [] },
    { type: "string", minLength: 5, maxLength: 2 },
    { type: "array", items: { const: 1 }, minItems: 3, maxItems: 1 },
    { $ref: "#/$defs/constructor", $defs: {} },
  ] as JsonObject[])("%j is refused as the caller's mistake", (schema) => {
    expect(() => source(schema)).toThrow(expect.objectContaining({ kind: "invalid" }));
  });

  it("reads references of which each stands twice in the one before once, in every form", () => {
    const growing = (length: number, end: JsonObject): JsonObject => ({
      type: "object",
      properties: { a: { $ref: "#/$defs/a0" } },
      $defs: Object.fromEntries([
        ...Array.from({ length }, (_, at) => {
          const $ref = `#/$defs/a${at + 1}`;
          return [`a${at}`, { allOf: [{ $ref }, { $ref }] }] as const;
        }),
        [`a${length}`, end],
      ]),
    });
    const all = (schema: JsonObject): void => {
      source(schema);
      const tool = { name: "t", parameters: schema };
      for (const form of Object.values(callForms)) form.call(new Grammar(), tool);
    };
    const [short, long] = [9, 18].map((length) => growing(length, { type: "string" }));
    const times =
      (schema: JsonObject = {}) =>
      (): void => {
        for (let count = 0; count < 20; count++) all(schema);
      };
    expect(growth(times(short), times(long))).toBeLessThan(20);
    const ways = [1, 2, 3, 4].map((value) => ({ properties: { [value]: { const: value } } }));
    const hostile = growing(24, { anyOf: ways });
    for (const read of [() => source(hostile), () => all(hostile)]) {
      expect(read).toThrow(expect.objectContaining({ kind: "invalid", message: "is too complex" }));
    }
  });

  it("holds an answer to keywords beside a reference", () => {
    const schema = { $ref: "#/$defs/n", maximum: 5, $defs: { n: { type: "integer", minimum: 3 } } };
    expect(source(schema)).toContain("[3-5]");
  });

  it("refuses what llama.cpp would read for seconds", () => {
    const names = Array.from({ length: 5000 }, (_, index) => `name ${index}`);
    const properties = Object.fromEntries(names.map((name) => [name, { type: "string" }]));
    for (const schema of [{ enum: names }, { type: "object", properties }] as JsonObject[]) {
      expect(() => source(schema)).toThrow(expect.objectContaining({ kind: "invalid" }));
    }
    expect(source({ enum: names.slice(0, 3000) })).toContain("name 2999");
  });

  const tree = { $ref: "#/$defs/t" };
  const trees = (...anyOf: JsonObject[]): JsonObject => ({ ...tree, $defs: { t: { anyOf } } });
  const fields = (properties: JsonObject, required = Object.keys(properties)): JsonObject => {
    return { type: "object", properties, required };
  };

  it.each<[string, JsonObject]>([
    ["two that hold each other", trees(fields({ a: tree }), fields({ a: tree, b: { type: "string" } }))],
    ["told apart too late", trees(fields({ l: tree, op: { const: "a" } }), fields({ l: tree, op: { const: "b" } }))],
    ["with optional fields", trees(fields({ a: tree }, []), fields({ a: tree, b: {} }, []), { type: "null" })],
    ["lists", trees({ type: "array", items: tree }, { type: "array", items: tree, minItems: 2 })],
    [
      "24 levels without recursion",
      chained(24, (next) => ({ anyOf: [fields({ a: next }), fields({ a: next, b: {} })] }), {
        type: "string",
      }) as JsonObject,
    ],
  ])("refuses alternatives of which llama.cpp would follow ever more at once: %s", (_, schema) => {
    expect(() => source(schema)).toThrow(
      expect.objectContaining({ kind: "invalid", message: expect.stringContaining("in too many ways") }),
    );
  });

  it.each<[string, JsonObject]>([
    ["any JSON", trees({ additionalProperties: tree }, { items: tree }, { type: "string" }, { type: "null" })],
    [
      "a first field with a value",
      trees(fields({ op: { const: "add" }, l: tree, r: tree }), fields({ op: { enum: ["not", "neg"] }, x: tree })),
    ],
    [
      "a second field",
      trees(fields({ line: {}, op: { const: "add" }, l: tree }), fields({ line: {}, op: { const: "mul" }, l: tree })),
    ],
    [
      "other names",
      trees(fields({ name: {}, children: { type: "array", items: tree } }), fields({ name: {}, value: {} })),
    ],
    ["one that holds itself", trees(fields({ child: tree }), { type: "null" })],
    [
      "6 levels",
      chained(6, (next) => ({ anyOf: [fields({ a: next }), fields({ a: next, b: {} })] }), {
        type: "string",
      }) as JsonObject,
    ],
  ])("holds answers to alternatives that are told apart by %s", (_, schema) => {
    expect(source(schema)).toContain("root ::= ");
  });

  it("leaves out a pattern with too many ways through it", () => {
    expect(source({ type: "string", pattern: `^${"[a-z]?".repeat(600)}$` })).not.toContain("0061");
    expect(source({ type: "string", pattern: `^${"[a-z]?".repeat(60)}$` })).toContain("0061");
  });

  it("refuses texts that no token can spell, where they would stand as they are", () => {
    const parameters = { type: "object", properties: { mark: { enum: ["a", "\0"] } }, required: ["mark"] };
    const call = (form: keyof typeof callForms) => () =>
      callForms[form]?.call(new Grammar(), { name: "t", parameters });
    expect(call("m2")).toThrow(expect.objectContaining({ kind: "invalid" }));
    expect(call("m3")).toThrow(expect.objectContaining({ kind: "invalid" }));
    expect(call("json")).not.toThrow();
  });

  it("reads an alternative that is itself combined", () => {
    expect(source({ anyOf: [{ allOf: [{ $ref: "#/$defs/yes" }] }], $defs: { yes: { const: "yes" } } })).toContain(
      "yes",
    );
    expect(source({ anyOf: [{ type: ["boolean", "null"] }] })).toContain('"true" | "false"');
    expect(source({ anyOf: [{ type: ["boolean", "null"] }] })).not.toContain('"["');
  });

  it("follows references into lists of alternatives", () => {
    const properties = { a: { anyOf: [{ const: "x" }, { type: "null" }] }, b: { $ref: "#/properties/a/anyOf/0" } };
    expect(source({ type: "object", properties, required: ["b"] })).toContain("x22x");
  });
});
