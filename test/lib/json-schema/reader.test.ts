import { describe, expect, it } from "vitest";
import { resolvePointer } from "../../../src/lib/json-schema/pointer.ts";
import { SchemaReader } from "../../../src/lib/json-schema/reader.ts";
import { propertiesOf, type Schema } from "../../../src/lib/json-schema/schema.ts";
import { WorkBudget } from "../../../src/lib/json-schema/work.ts";
import { growth } from "../../support/cpu.ts";

function reader(root: unknown, missing: "refuse" | "allow" = "refuse"): SchemaReader {
  return new SchemaReader(root, { missing, refuse: (problem) => new Error(`schema ${problem}`) });
}

function alternatives(root: Schema): readonly Schema[] {
  return reader(root)
    .alternatives(root)
    .map(({ $defs: _, ...rest }) => Object.fromEntries(Object.entries(rest)));
}

/** `$defs` a0, a1, ... of which each combines two references to the next; the last one is `end`. */
function chain(length: number, word: "allOf" | "anyOf" | "oneOf", end: Schema): Schema {
  const $defs = Object.fromEntries(
    Array.from({ length }, (_, at) => {
      const next = { $ref: `#/$defs/a${at + 1}` };
      return [`a${at}`, { [word]: [next, { ...next }] }];
    }),
  );
  return { $ref: "#/$defs/a0", $defs: { ...$defs, [`a${length}`]: end } };
}

describe("resolvePointer", () => {
  const root = { $defs: { "a/b c": { x: 1 }, "~": 2 }, list: [{ y: 3 }] };
  it.each([
    ["#", root],
    ["#/", root],
    ["#/$defs/a~1b%20c/x", 1],
    ["#/$defs/a~1b c/x", 1],
    ["#/%24defs/~0", 2],
    ["#/list/0/y", 3],
    ["#/%zz", undefined],
    ["#/$defs/constructor", undefined],
    ["#/list/1", undefined],
    ["https://example.com/schema", undefined],
  ])("%s", (reference, expected) => {
    expect(resolvePointer(root, reference)).toEqual(expected);
  });
});

describe("SchemaReader", () => {
  it.each<[string, Schema, readonly Schema[]]>([
    ["nothing", {}, [{}]],
    [
      "a list of types",
      { type: ["int", "null"], minimum: 1 },
      [
        { minimum: 1, type: "integer" },
        { minimum: 1, type: "null" },
      ],
    ],
    ["OpenAPI's nullable", { type: "string", nullable: true }, [{ type: "string" }, { type: "null" }]],
    ["a word that is no type", { type: "widget", title: "x" }, [{ title: "x" }]],
    [
      "alternatives beside keywords",
      { title: "x", anyOf: [{ type: "null" }, { type: "string" }] },
      [
        { title: "x", type: "null" },
        { title: "x", type: "string" },
      ],
    ],
    [
      "two lists of alternatives",
      { anyOf: [{ type: "string" }, { type: "null" }], oneOf: [{ type: "string" }, { minLength: 1 }] },
      [{ type: "string" }, { type: "string", minLength: 1 }, { type: "null", minLength: 1 }],
    ],
    [
      "keywords beside a reference",
      { $ref: "#/$defs/n", maximum: 5, $defs: { n: { type: "integer", maximum: 9 } } },
      [{ type: "integer", maximum: 5 }],
    ],
    [
      "bounds",
      { allOf: [{ minimum: 1, maxLength: 9 }, { minimum: 3, maxLength: 2 }, { minimum: 2 }] },
      [{ minimum: 3, maxLength: 2 }],
    ],
    ["types that are part of each other", { allOf: [{ type: "number" }, { type: "integer" }] }, [{ type: "integer" }]],
    ["types that exclude each other", { allOf: [{ type: "string" }, { type: "integer" }] }, []],
    ["values", { allOf: [{ enum: [1, 2, "a"] }, { enum: ["a", 2] }] }, [{ enum: [2, "a"] }]],
    ["values that exclude each other", { enum: [1], allOf: [{ const: 2 }] }, []],
    [
      "objects",
      { properties: { a: true }, required: ["a"], allOf: [{ properties: { b: {} }, required: ["b"] }] },
      [{ properties: { a: true, b: {} }, required: ["a", "b"] }],
    ],
    [
      "properties of both",
      { allOf: [{ properties: { a: { minimum: 1 } } }, { properties: { a: { maximum: 2 } } }] },
      [{ properties: { a: { allOf: [{ minimum: 1 }, { maximum: 2 }] } } }],
    ],
    ["no choice", { anyOf: [] }, []],
    ["only itself", { allOf: [{ $ref: "#" }] }, []],
    ["itself or another", { anyOf: [{ $ref: "#" }, { type: "null" }] }, [{ type: "null" }]],
  ])("normal form of %s", (_, schema, expected) => {
    expect(alternatives(schema)).toEqual(expected);
  });

  it("gives the same schemas for the same part, also through references", () => {
    const root = { $defs: { node: { type: "object" } }, items: { $ref: "#/$defs/node" } };
    const one = reader(root);
    expect(one.alternatives(root.items)).toBe(one.alternatives(root.$defs.node));
    expect(one.alternatives(root.items)[0]).toBe(one.alternatives(root.items)[0]);
  });

  it("conjunctions of recursive schemas come back to themselves", () => {
    const left = { properties: { next: { $ref: "#/$defs/left" } } };
    const right = { properties: { next: { $ref: "#/$defs/right" } } };
    const root = { allOf: [{ $ref: "#/$defs/left" }, { $ref: "#/$defs/right" }], $defs: { left, right } };
    const one = reader(root);
    const seen = new Set<unknown>();
    let part: unknown = root;
    for (let count = 0; count < 50; count++) {
      part = propertiesOf(one.alternatives(part)[0] ?? {})["next"];
      seen.add(part);
    }
    expect(seen.size).toBe(1);
  });

  it("references to nowhere: an error, or anything", () => {
    const schema = { $ref: "#/$defs/missing" };
    expect(() => reader(schema).alternatives(schema)).toThrow("'$ref' #/$defs/missing points nowhere");
    expect(reader(schema, "allow").alternatives(schema)).toEqual([{}]);
  });

  it.each(["allOf", "anyOf"] as const)("references of which %s doubles are read once", (word) => {
    const schemas = [chain(12, word, { type: "string" }), chain(24, word, { type: "string" })] as const;
    const work = schemas.map((schema) => () => {
      for (let times = 0; times < 50; times++) expect(alternatives(schema)).toHaveLength(1);
    });
    expect(growth(work[0] ?? (() => undefined), work[1] ?? (() => undefined))).toBeLessThan(20);
  });

  it("a long list of alternatives costs nothing more where it is referred to again", () => {
    const long = { anyOf: Array.from({ length: 3_000 }, (_, at) => ({ const: at })) };
    const places = Array.from({ length: 2_000 }, () => ({ $ref: "#/$defs/long" }));
    const one = reader({ $defs: { long } });
    for (const place of places) expect(one.alternatives(place)).toBe(one.alternatives(long));
  });

  it("refuses what multiplies", () => {
    const ways = Array.from({ length: 40 }, (_, at) => ({ properties: { [`p${at}`]: {} } }));
    const product = { allOf: Array.from({ length: 6 }, () => ({ anyOf: ways.map((way) => ({ ...way })) })) };
    expect(() => alternatives(product)).toThrow("schema is too complex");
    expect(() => alternatives(chain(24, "allOf", { anyOf: ways.slice(0, 4) }))).toThrow("schema is too complex");
  });

  it.each<Schema>([{}, { type: "object" }, { type: ["string", "null"] }])("refuses oneOf that doubles: %j", (end) => {
    expect(() => alternatives(chain(24, "oneOf", end))).toThrow("schema is too complex");
  });

  it("refuses what is too large to look at", () => {
    for (const root of [{ const: "x".repeat(2_000_000) }, { enum: Array.from({ length: 60_000 }, () => 1) }]) {
      expect(() => alternatives(root)).toThrow("schema is too large");
    }
  });

  it("counts the work of several schemas together", () => {
    const work = new WorkBudget();
    const read = (): void => {
      const root = { anyOf: Array.from({ length: 1_000 }, (_, at) => ({ const: at })) };
      new SchemaReader(root, { missing: "refuse", refuse: (problem) => new Error(problem), work }).alternatives(root);
    };
    read();
    expect(() => {
      for (let count = 0; count < 20; count++) read();
    }).toThrow("is too complex");
  });

  it("refuses a chain of references without end, and follows long ones", () => {
    const links = (length: number): Schema => ({
      $ref: "#/$defs/a0",
      $defs: Object.fromEntries(
        Array.from({ length }, (_, at) => [`a${at}`, at + 1 < length ? { $ref: `#/$defs/a${at + 1}` } : { const: 1 }]),
      ),
    });
    expect(alternatives(links(300))).toEqual([{ const: 1 }]);
    expect(() => alternatives(links(20_000))).toThrow("schema is too complex");
  });
});
