import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ArgumentText } from "../../../../src/engine/upstream/read/arguments.ts";
import { isObject } from "../../../../src/model/json.ts";
import { pieces } from "../fake.ts";

function read(...texts: string[]): { out: string | undefined; repaired: boolean } {
  const text = new ArgumentText();
  const said = texts.map((piece) => text.feed(piece)).join("");
  const rest = text.broken ? undefined : text.end();
  return { out: rest === undefined ? undefined : said + rest, repaired: text.repaired };
}

describe("ArgumentText", () => {
  it.each([
    ["nothing", "", "{}"],
    ["white space", " \n", "{}"],
    ["null", "null", "{}"],
    ["an object in a JSON string", '"{\\"a\\": 1}"', '{"a": 1}'],
    ["a newline in a string", '{"a": "b\nc\u0001"}', '{"a": "b\\nc\\u0001"}'],
    ["an unknown escape", '{"a": "\\d"}', '{"a": "\\\\d"}'],
    ["an unfinished escape", '{"a": "\\u12"}', '{"a": "\\\\u12"}'],
    ["a comma too much", '{"a": [1, 2, ], }', '{"a": [1, 2]}'],
    ["Python's words", '{"a": True, "b": [None, False]}', '{"a": true, "b": [null, false]}'],
    ["missing closing brackets", '{"a": [{"b": "c"}', '{"a": [{"b": "c"}]}'],
    ["a missing bracket behind a word", '{"a": true', '{"a": true}'],
    ["text after the object", '{"a": 1}</invoke>', '{"a": 1}'],
    ["a second object", '{"a": 1}{"a": 1}', '{"a": 1}'],
  ])("repairs %s", (_, text, expected) => {
    expect(read(text)).toEqual({ out: expected, repaired: true });
  });

  it.each([
    ["a string without end", '{"a": "b'],
    ["a number that may go on", '{"a": 12'],
    ["a key without value", '{"a"'],
    ["a colon without value", '{"a":'],
    ["a comma without next", '{"a": 1,'],
    ["single quotes", "{'a': 1}"],
    ["an escape without end", '{"a": "\\u12'],
    ["no object", "[1]"],
    ["a word", "hello"],
    ["an unknown word", '{"a": yes}'],
    ["a word that every object has", '{"a": constructor}'],
    ["not a number", '{"a": 01}'],
    ["wrong brackets", '{"a": [1}'],
    ["a missing comma", '{"a": 1 "b": 2}'],
    ["an open object", "{"],
    ["a string in a string that is no object", '"hello"'],
  ])("gives up on %s", (_, text) => {
    expect(read(text).out).toBeUndefined();
    expect(read(...text).out).toBeUndefined();
  });

  it("passes valid JSON through unchanged, in any pieces", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue()),
        fc.boolean(),
        fc.array(fc.nat(40)),
        (value, wide, cuts) => {
          const text = JSON.stringify(value, null, wide ? 2 : 0);
          expect(read(...pieces(text, cuts))).toEqual({ out: text, repaired: false });
        },
      ),
    );
  });

  it("says an object or gives up, whatever comes, in any pieces", () => {
    const bit = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      '"',
      ",",
      ":",
      " ",
      "\n",
      "\\",
      "a",
      "1",
      "-",
      "true",
      "None",
      "u00e9",
      "你",
      "0.5",
    );
    fc.assert(
      fc.property(fc.array(bit, { maxLength: 14 }), fc.array(fc.nat(5)), (bits, cuts) => {
        const text = `{${bits.join("")}`;
        const { out } = read(text);
        if (out !== undefined) expect(isObject(JSON.parse(out))).toBe(true);
        expect(read(...pieces(text, cuts)).out).toBe(out);
      }),
      { numRuns: 1_000 },
    );
  });

  it("completes an object cut between its values", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), fc.nat(), (value, at) => {
        const text = JSON.stringify(value);
        const { out } = read(text.slice(0, 1 + (at % text.length)));
        if (out !== undefined) expect(isObject(JSON.parse(out))).toBe(true);
        const bare = text.replace(/[\]}]+$/, "");
        if (/["el]$/.test(bare)) expect(read(bare).out).toBe(text);
      }),
    );
  });
});
