import fc from "fast-check";
import { expect, it } from "vitest";
import { LongText } from "../../../src/lib/long-text.ts";
import { jsonSteps } from "../../../src/lib/json-scanner/write.ts";
import { finish } from "../../../src/lib/time-slices.ts";

function written(value: unknown): string[] {
  const pieces: string[] = [];
  finish(jsonSteps(value, { piece: (text) => pieces.push(text) }));
  return pieces;
}

it("writes what JSON.stringify writes", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      expect(written(value)).toEqual([JSON.stringify(value)]);
    }),
    { numRuns: 500 },
  );
});

it.each([
  [{ a: undefined, b: [undefined, Number.NaN, -0], c: {}, d: [], e: new Date(0), f: "\ud800", __proto__: null }],
  [{ one: undefined }],
  [JSON.parse('{"__proto__":{"2":1,"1":2},"":"\u2028"}')],
  [null],
])("writes special values: %j", (value) => {
  expect(written(value).join("")).toBe(JSON.stringify(value));
});

it("writes long texts in pieces, whole characters each", () => {
  const unit = fc.constantFrom("a", "中", "😀", "\n", '"', "\\", "\ud800");
  fc.assert(
    fc.property(fc.array(unit, { minLength: 1, maxLength: 5 }), fc.nat(3), (units, shift) => {
      const value = [{ text: "x".repeat(shift) + units.join("").repeat(Math.ceil(300_000 / units.join("").length)) }];
      const pieces = written(value);
      expect(pieces.length).toBeGreaterThan(2);
      expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(500_000);
      expect(pieces.join("") === JSON.stringify(value)).toBe(true);
    }),
    { numRuns: 30 },
  );
});

it("writes a text in pieces as the text", () => {
  const long = new LongText(["a".repeat(100_000), '"\n中', "😀".repeat(40_000)]);
  expect(written({ long }).join("")).toBe(JSON.stringify({ long: String(long) }));
  expect(JSON.stringify({ long })).toBe(JSON.stringify({ long: String(long) }));
});
