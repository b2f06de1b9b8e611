import fc from "fast-check";
import { expect, test } from "vitest";
import { CustomInput, customInput } from "../../../src/surface/responses/custom-input.ts";

/** JSON writers escape differently; all of them must be read. */
function written(input: string, asciiOnly: boolean): string {
  const json = JSON.stringify({ input });
  if (!asciiOnly) return json;
  return json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function pieces(text: string, places: readonly number[]): string[] {
  const cuts = [...new Set([0, ...places.map((place) => place % (text.length + 1)), text.length])].sort(
    (a, b) => a - b,
  );
  return cuts.slice(1).map((cut, index) => text.slice(cuts[index], cut));
}

test("any cutting of the arguments gives the input, and never half a character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.boolean(), fc.array(fc.nat(500)), (raw, asciiOnly, places) => {
      const input = raw.toWellFormed();
      const reader = new CustomInput();
      const given = pieces(written(input, asciiOnly), places).map((piece) => reader.feed(piece));
      expect(given.join("")).toBe(input);
      expect(!asciiOnly || given.every((piece) => piece.isWellFormed())).toBe(true);
      expect(reader.rest(input)).toBe("");
    }),
    { numRuns: 300 },
  );
});

test.each([
  ['{"input":"a"}', "a"],
  [' { "input" : "a\\u0041\\/" }', "aA/"],
  ['{"code":"x"}', '{"code":"x"}'],
  ["plain text", "plain text"],
  ['{"input":5}', '{"input":5}'],
  ['{"input":"cut sh', "cut sh"],
  ['{"other":1,"input":"late"}', "late"],
  ["", ""],
])("%j is called with %j", (args, input) => {
  expect(customInput(args)).toBe(input);
});

test("an input that could not be read on the way is given at the end", () => {
  const reader = new CustomInput();
  expect(reader.feed('{"other":1,"input":"late"}')).toBe("");
  expect(reader.matched).toBe(false);
  expect(reader.rest("late")).toBe("late");
});
