import { expect, test } from "vitest";
import { lenientReader, Shape, shapeOf } from "../../../src/engine/markup/shape.ts";
import type { JsonObject } from "../../../src/model/json.ts";

const tree: JsonObject = {
  type: "object",
  properties: { children: { type: "array", items: { $ref: "#" } }, label: { $ref: "#/$defs/a~1b" } },
  $defs: { "a/b": { type: "string" }, loop: { $ref: "#/$defs/loop" } },
};

function types(schema: JsonObject, root: JsonObject = schema): string[] {
  return [...new Shape([schema], lenientReader(root)).types].toSorted();
}

test.each<[JsonObject, string[]]>([
  [{ type: "string" }, ["string"]],
  [{ type: "str" }, ["string"]],
  [{ type: ["integer", "null"] }, ["integer", "null"]],
  [{ type: "string", nullable: true }, ["null", "string"]],
  [{ anyOf: [{ type: "string" }, { oneOf: [{ type: "number" }] }] }, ["number", "string"]],
  [{ allOf: [{ type: "object" }, { properties: {} }] }, ["object"]],
  [{ properties: { a: {} } }, ["object"]],
  [{ items: {} }, ["array"]],
  [{ prefixItems: [] }, ["array"]],
  [{ enum: ["a", 1, 1.5, true, null] }, ["boolean", "integer", "null", "number", "string"]],
  [{ const: { a: 1 } }, ["object"]],
  [{ enum: ["1", "x"], minItems: 2 }, ["string"]],
  [{ type: "number", enum: [1, 2] }, ["number"]],
  [{ type: "widget" }, []],
  [{}, []],
])("types of %j", (schema, expected) => {
  expect(types(schema)).toEqual(expected);
});

test("references: local ones are followed, circles and foreign ones end nowhere", () => {
  const root = new Shape([tree], lenientReader(tree));
  expect([...root.member("label").types]).toEqual(["string"]);
  const deep = root.member("children").element(3).member("children").element(0).member("label");
  expect(deep.textOnly).toBe(true);
  expect(types({ $ref: "#/$defs/loop" }, tree)).toEqual([]);
  expect(types({ $ref: "https://example.com/schema" })).toEqual([]);
  expect(types({ $ref: "#/nowhere/at/all" })).toEqual([]);
});

test("members and elements: all alternatives side by side, unknown ones unknown", () => {
  const schema = {
    oneOf: [
      { properties: { a: { type: "string" } }, additionalProperties: { type: "integer" } },
      { properties: { a: { type: "number" } } },
    ],
  };
  const shape = new Shape([schema], lenientReader(schema));
  expect([...shape.member("a").types].toSorted()).toEqual(["number", "string"]);
  expect([...shape.member("b").types]).toEqual(["integer"]);
  expect([...shape.member("constructor").types]).toEqual(["integer"]);
  expect(shape.element(0).types.size).toBe(0);
});

test("tools are found by name", () => {
  const tools = [{ name: "a", parameters: { type: "object", properties: { x: { type: "string" } } } }];
  expect(shapeOf(tools, "a").member("x").textOnly).toBe(true);
  expect(shapeOf(tools, "b").types.size).toBe(0);
});

test("of a schema that is too complex nothing is known", () => {
  const ways = Array.from({ length: 50 }, (_, at) => ({ properties: { [at]: {} } }));
  const schema = { allOf: Array.from({ length: 5 }, () => ({ anyOf: ways.map((way) => ({ ...way })) })) };
  expect(types(schema)).toEqual([]);
});
