import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nestsDeeper } from "../../../src/lib/json-scanner/depth.ts";
import {
  escapeLength,
  notAnEscape,
  plainEnd,
  readEscape,
  stringEnd,
  unfinished,
} from "../../../src/lib/json-scanner/string.ts";

describe("readEscape", () => {
  it("law: reads what JSON.parse reads, and no more", () => {
    const char = fc.constantFrom(...Array.from('"\\/bfnrtuUx0 9aAfFgé'));
    fc.assert(
      fc.property(fc.array(char, { minLength: 1, maxLength: 6 }), (chars) => {
        const text = `\\${chars.join("")}`;
        const unit = readEscape(text, 0);
        if (unit < 0) {
          for (const length of [2, 6]) expect(() => void JSON.parse(`"${text.slice(0, length)}"`)).toThrow();
          expect(unit === unfinished).toBe(/^\\(u[\da-f]{0,3})?$/i.test(text) && !text.startsWith("\\U"));
        } else {
          expect(JSON.parse(`"${text.slice(0, escapeLength(text, 0))}"`)).toBe(String.fromCharCode(unit));
        }
      }),
      { numRuns: 2_000 },
    );
    expect([readEscape("\\", 0), readEscape("\\x", 0)]).toEqual([unfinished, notAnEscape]);
  });
});

it("strings end where JSON says", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('"', "\\", "a", "\n") }), (value) => {
      const text = JSON.stringify(value);
      expect(stringEnd(text, 1)).toBe(text.length - 1);
      expect(plainEnd(text, 1)).toBe(1 + (/["\\\n]/.exec(value)?.index ?? value.length));
    }),
  );
  expect(stringEnd('"open\\"', 1)).toBe(7);
});

it("depth: brackets outside strings", () => {
  const depthOf = (value: unknown): number =>
    typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const depth = depthOf(value);
      const text = JSON.stringify(value);
      expect(nestsDeeper(text, depth)).toBe(false);
      if (depth > 0) expect(nestsDeeper(text, depth - 1)).toBe(true);
    }),
  );
});
