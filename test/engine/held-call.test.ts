import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { requireHeld } from "../../src/engine/held.ts";
import { callForms } from "../../src/engine/llama/call-grammar.ts";
import { Grammar } from "../../src/engine/llama/grammar.ts";
import type { JsonObject } from "../../src/model/json.ts";
import type { ToolDefinition } from "../../src/model/request.ts";
import { GbnfWalker, randomFrom } from "../support/gbnf.ts";
import { generationRequest } from "../support/request.ts";
import { anySchema, judge } from "../support/schema.ts";
import { rows } from "./markup/fold.ts";

type Form = keyof typeof callForms;

const forms: readonly Form[] = ["m2", "m3", "json"];
const seeds = Array.from({ length: 30 }, (_, at) => at);
const integer = { type: "integer" };

function strictTool(parameters: JsonObject): ToolDefinition {
  return { name: "t", strict: true, parameters };
}

/** The arguments of calls that the grammar of a form allows, as the parser of its markup reads them. */
function argumentsOf(tool: ToolDefinition, calls: Form, some: readonly number[] = seeds): unknown[] {
  const form = callForms[calls];
  if (form === undefined) throw new Error(`no form ${calls}`);
  const grammar = new Grammar();
  const walker = new GbnfWalker(grammar.source(form.call(grammar, tool)));
  return some.map((seed) => {
    const items = rows(form.open + walker.text(randomFrom(seed)) + form.close, { tags: [], calls, tools: [tool] });
    expect(items.map(([kind, name]) => [kind, name])).toEqual([["call", tool.name]]);
    return JSON.parse(items[0]?.[2] ?? "") as unknown;
  });
}

const object = (value: JsonObject): JsonObject => ({ type: "object", properties: { value }, required: ["value"] });

describe.each(forms)("a call of a strict tool in the form %s", (form) => {
  it.each<[string, JsonObject]>([
    ["alternatives of which some are no object", { anyOf: [{ type: "null" }, object(integer)] }],
    ["an object or null", { ...object(integer), type: ["null", "object"] }],
    ["an object that may be null", { ...object(integer), nullable: true }],
    ["one object", { const: { a: 1, b: "x" } }],
    ["texts that only keywords show", object({ format: "ipv6" })],
    ["texts of a length", object({ type: "string", minLength: 3 })],
    ["texts of two lengths", object({ type: "string", minLength: 2, maxLength: 3 })],
    ["values beside keywords of other types", object({ enum: ["1", "true"], minItems: 2, minProperties: 6 })],
    ["a text that reads as null", object({ enum: ["null"] })],
    ["a newline at the end of one of several texts", object({ enum: ["a\n", "b"] })],
    ["a text beside bounded numbers", object({ anyOf: [{ ...integer, maximum: 6 }, { type: "string" }] })],
    ["types with keywords of objects", object({ type: ["integer", "null"], properties: { a: { minLength: 5 } } })],
    ["names with signs", { properties: { "a b": integer, "é&amp;": integer }, required: ["a b", "é&amp;"] }],
  ])("fits: %s", (_, parameters) => {
    const tool = strictTool(parameters);
    requireHeld(generationRequest({ tools: [tool] }));
    const fits = judge(parameters);
    expect(argumentsOf(tool, form).filter((args) => !fits(args))).toEqual([]);
  });

  it("law: what is not refused, fits", () => {
    let kept = 0;
    const schemas = fc
      .tuple(fc.dictionary(fc.constantFrom("a", "b", "c"), anySchema, { minKeys: 1, noNullPrototype: true }), anySchema)
      .map(([properties, { type: _, ...more }]): JsonObject => ({ type: "object", ...more, properties }));
    fc.assert(
      fc.property(schemas, fc.array(fc.nat(), { minLength: 4, maxLength: 4 }), (parameters, some) => {
        const tool = strictTool(parameters);
        try {
          requireHeld(generationRequest({ tools: [tool] }));
        } catch {
          return;
        }
        kept += 1;
        const fits = judge(parameters);
        expect(argumentsOf(tool, form, some).filter((args) => !fits(args))).toEqual([]);
      }),
      { numRuns: 300 },
    );
    expect(kept).toBeGreaterThan(30);
  });
});

describe("a strict tool", () => {
  it.each<[string, JsonObject]>([
    ["a text", { type: "string" }],
    ["a list", { type: "array", items: integer }],
    ["no object among its alternatives", { anyOf: [{ type: "null" }, { enum: [1, "a"] }] }],
  ])("whose arguments are %s is refused", (_, parameters) => {
    const request = generationRequest({ tools: [strictTool(parameters)] });
    expect(() => requireHeld(request)).toThrow("parameters of 't': allows no value at #");
  });

  const named = (name: string): ToolDefinition => strictTool({ properties: { [name]: integer }, required: [name] });

  it("has its names written as the markup can write them", () => {
    expect(argumentsOf(named(`a"<b>'`), "m2", [1])).toEqual([{ [`a"<b>'`]: expect.any(Number) as number }]);
    expect(argumentsOf(named("/a\n<"), "json", [1])).toEqual([{ "/a\n<": expect.any(Number) as number }]);
  });

  it.each<[Form, ToolDefinition]>([
    ["m2", named("a\nb")],
    ["m3", named("a<b")],
    ["m3", named("/a")],
    ["m2", { ...named("a"), name: "a\nb" }],
    ["m3", { ...named("a"), name: 'a"b' }],
  ])("is refused in the form %s where a name cannot be written: %j", (form, tool) => {
    const call = (): unknown => callForms[form]?.call(new Grammar(), tool);
    expect(call).toThrow("this model cannot write the name");
  });

  it("may leave out an optional parameter that cannot be written", () => {
    const tool = strictTool({ properties: { "a\nb": integer, c: integer }, required: ["c"] });
    expect(argumentsOf(tool, "m2", [1])).toEqual([{ c: expect.any(Number) as number }]);
  });
});
