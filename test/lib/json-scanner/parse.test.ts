import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonFault, parseJsonSteps } from "../../../src/lib/json-scanner/parse.ts";
import { finish } from "../../../src/lib/time-slices.ts";

const wide = { depth: 1_000, values: 1_000_000 };

function parse(text: string, bounds = wide): unknown {
  return finish(parseJsonSteps(Buffer.from(text), bounds));
}

/** What is read, and where `JSON.parse` would throw, the word for it. */
function outcome(read: () => unknown): unknown {
  try {
    return { value: read() };
  } catch (thrown) {
    return thrown instanceof SyntaxError || thrown instanceof JsonFault ? "syntax" : thrown;
  }
}

function faultOf(text: string, bounds = wide): unknown {
  try {
    return parse(text, bounds);
  } catch (thrown) {
    return thrown instanceof JsonFault ? thrown.kind : thrown;
  }
}

/** Shows the order of keys and `__proto__`, which `toEqual` does not. */
function shown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : value;
  return Object.getOwnPropertyNames(value).map((key) => [key, shown((value as Record<string, unknown>)[key])]);
}

describe("the value is that of JSON.parse", () => {
  it.each([
    `{"__proto__":{"a":1},"b":{"__proto__":2}}`,
    `{"a":1,"b":2,"a":3,"__proto__":1,"__proto__":[2]}`,
    `{"2":1,"1":2,"constructor":3,"":4}`,
    `["\\ud83d\\ude00","\\ud83d","\\ude00x","\ud83d\ude00","\\u0000\\"\\\\\\/\\b\\f\\n\\r\\t"]`,
    `[0,-0,1.5e3,1E-7,123456789012345678901234567890,1e999,-1e-999]`,
    ` \t\r\n[ true , false , null ] \n`,
    `"alone"`,
    `12`,
    `[[[]],{},[{}],"\ufeff"]`,
  ])("of %s", (text) => {
    expect(shown(parse(text))).toEqual(shown(JSON.parse(text)));
  });

  it.each([
    "",
    " ",
    "[",
    "]",
    "{",
    "[1,]",
    "{,}",
    `{"a"}`,
    `{"a":}`,
    `{"a":1,}`,
    "[1 2]",
    "01",
    "+1",
    "1.",
    ".5",
    "nul",
  ])("no value: %s", (text) => expect(faultOf(text)).toBe("syntax"));
  it.each([
    "tru",
    "True",
    "NaN",
    "[1]]",
    "{}{}",
    `"a`,
    `"\\`,
    `"\\x"`,
    `"\\u12"`,
    `"\\u12g4"`,
    `"\n"`,
    `'a'`,
    "\ufeff1",
    "[:]",
  ])("no value either: %s", (text) => expect(faultOf(text)).toBe("syntax"));

  it("of any value, however it is written", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(undefined, 1, "\t"), (text, space) => {
        const written = JSON.stringify(JSON.parse(text), null, space);
        expect(shown(parse(written))).toEqual(shown(JSON.parse(written)));
      }),
      { numRuns: 500 },
    );
  });

  it("or none for the same texts", () => {
    const pieces = fc.constantFrom(
      ...Array.from('{}[]:,"\\0123456789.-+eEu'),
      "true",
      "null",
      " ",
      `"a"`,
      "\\u",
      "\\n",
      "é",
      "\u0001",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        expect(shown(outcome(() => parse(text)))).toEqual(shown(outcome(() => JSON.parse(text) as unknown)));
      }),
      { numRuns: 5_000 },
    );
  });

  it("of long strings, wherever they are divided", () => {
    const unit = fc.constantFrom("a", "é", "中", "😀", "\\n", '\\"', "\\\\", "\\u4e2d", "\\ud83d\\ude00", "\\ud83d");
    fc.assert(
      fc.property(fc.array(unit, { minLength: 1, maxLength: 8 }), fc.nat(9), (units, shift) => {
        const body = "x".repeat(shift) + units.join("").repeat(Math.ceil(150_000 / units.join("").length));
        const text = `["${body}"]`;
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 40 },
    );
  });
});

describe("bounds", () => {
  it("count values of every kind", () => {
    const text = `{"a":[1,"b",null,{}],"c":{"d":true}}`;
    expect(faultOf(text, { depth: 10, values: 8 })).toEqual(JSON.parse(text));
    expect(faultOf(text, { depth: 10, values: 7 })).toBe("values");
  });

  it("hold before anything beyond them is read", () => {
    expect(faultOf(`[${"{},".repeat(100)}!`, { depth: 10, values: 50 })).toBe("values");
    expect(faultOf(`${"[".repeat(20)}!`, { depth: 20, values: 50 })).toBe("syntax");
    expect(faultOf(`${"[".repeat(21)}!`, { depth: 20, values: 50 })).toBe("depth");
  });

  it("end names and numbers that are too long", () => {
    expect(faultOf(`{"${"n".repeat(65_536)}":1}`)).toHaveProperty("n".repeat(65_536));
    expect(faultOf(`{"${"n".repeat(65_537)}":1}`)).toBe("key");
    expect(faultOf("1".repeat(65_537))).toBe("syntax");
  });
});

it("no step reads much", () => {
  const big = `[${"[],".repeat(10_000)}"${"s".repeat(1_000_000)}","${"\\n".repeat(500_000)}"]`;
  let steps = 0;
  for (const _ of parseJsonSteps(Buffer.from(big), wide)) steps += 1;
  // 2 MB in pieces of 64 kB, 10,000 values in thousands
  expect(steps).toBeGreaterThanOrEqual(35);
});
