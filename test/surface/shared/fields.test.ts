import { expect, test } from "vitest";
import { LongText, maxStringUnits } from "../../../src/lib/long-text.ts";
import { Fields } from "../../../src/surface/shared/fields.ts";

const body = Fields.of(
  { text: "x", empty: "", yes: true, one: 1, half: 0.5, list: [{ a: 1 }, "x"], words: ["x", 1], inner: { text: 3 } },
  "",
);

test("absent and null fields are undefined, inherited names too", () => {
  const fields = Fields.of(JSON.parse('{"text":null,"__proto__":{"number":1}}') as unknown, "");
  for (const key of ["text", "number", "constructor", "toString"]) {
    expect(fields.given(key)).toBeUndefined();
    expect(fields.string(key)).toBeUndefined();
    expect(fields.number(key)).toBeUndefined();
    expect([...fields.objects(key)]).toEqual([]);
  }
});

test("values of the right type are read", () => {
  expect(body.requiredString("empty")).toBe("");
  expect(body.nonEmptyString("text")).toBe("x");
  expect(body.boolean("yes")).toBe(true);
  expect(body.number("half", { min: 0.5, max: 0.5 })).toBe(0.5);
  expect(body.count("one")).toBe(1);
  expect(body.word("text", ["w", "x"])).toBe("x");
  expect(body.requiredObject("inner").value).toEqual({ text: 3 });
});

test.each([
  ["string", () => body.string("one"), "one: must be a string"],
  ["required string", () => body.requiredString("none"), "none: is required"],
  ["empty string", () => body.nonEmptyString("empty"), "empty: must not be empty"],
  ["boolean", () => body.boolean("one"), "one: must be true or false"],
  ["number", () => body.number("text"), "text: must be a number"],
  ["integer", () => body.number("half", { integer: true }), "half: must be an integer"],
  ["range", () => body.number("one", { min: 2, max: 3 }), "one: must be between 2 and 3"],
  ["least", () => body.number("one", { min: 2 }), "one: must be at least 2"],
  ["word", () => body.word("text", ["a", "b", "c"], ["a", "b"]), "text: must be one of a, b"],
  ["object", () => body.object("list"), "list: must be an object"],
  ["array", () => body.array("inner"), "inner: must be an array"],
  ["objects", () => [...body.objects("list")], "list[1]: must be an object"],
  ["strings", () => body.strings("words"), "words[1]: must be a string"],
  ["a path", () => body.object("inner")?.string("text"), "inner.text: must be a string"],
  ["a body", () => Fields.of([], ""), "the body must be a JSON object"],
])("%s: the error names the field", (_name, read, message) => {
  expect(read).toThrow(expect.objectContaining({ kind: "invalid", message }));
});

test("an error inside one object comes before a wrong type after it", () => {
  const seen: unknown[] = [];
  expect(() => {
    for (const one of body.objects("list")) seen.push(one.path);
  }).toThrow("list[1]");
  expect(seen).toEqual(["list[0]"]);
});

test("depth is counted without following it to the end", () => {
  const nested = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels)) as unknown;
  expect(() => body.checkDepth("a", nested(101))).not.toThrow();
  expect(() => body.checkDepth("a", nested(102))).toThrow("a: must not nest deeper than 100 levels");
  expect(() => body.checkDepth("a", nested(50_000))).toThrow("a: must not nest deeper");
});

test("a text that is too long for one string is refused where it is read, and only there", () => {
  const long = new LongText(["x".repeat(maxStringUnits), "y"]);
  const fields = Fields.of({ long, list: [long], other: 1 }, "");
  const problem = "must have at most 10485760 characters, not 10485761";
  expect(() => fields.string("long")).toThrow(`long: ${problem}`);
  expect(() => fields.number("long")).toThrow(`long: ${problem}`);
  expect(() => fields.object("long")).toThrow(`long: ${problem}`);
  expect(() => fields.strings("list")).toThrow(`list[0]: ${problem}`);
  expect(() => [...fields.objects("list")]).toThrow(`list[0]: ${problem}`);
  expect(fields.requiredLongString("long")).toBe(long);
  expect(fields.count("other")).toBe(1);
});
