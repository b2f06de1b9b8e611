import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonFault } from "../../../src/lib/json-scanner/fault.ts";
import { parseJsonSteps } from "../../../src/lib/json-scanner/parse.ts";
import { LongText } from "../../../src/lib/long-text.ts";
import { finish } from "../../../src/lib/time-slices.ts";

const wide = { depth: 1_000, values: 1_000_000, stringUnits: Infinity };

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
        const some = units.join("").repeat(Math.ceil(300_000 / units.join("").length));
        const text = `["${"x".repeat(shift)}${some}","${some}${"y".repeat(100_000)}${some}"]`;
        expect(parse(text)).toEqual(JSON.parse(text));
        const pieces = parse(text, { ...wide, stringUnits: 1_000 }) as LongText[];
        expect(pieces.map(String)).toEqual(JSON.parse(text));
      }),
      { numRuns: 20 },
    );
  });

  it("of strings of many megabytes, with and without escapes", () => {
    const plain = "a".repeat(11 << 20);
    const chinese = "\u4e2d".repeat(4 << 20);
    for (const written of [plain, `${plain}\\n${plain}`, `\\n${plain}`, chinese, `${chinese}\\t`]) {
      const text = `{"a":"${written}"}`;
      expect(parse(text)).toEqual(JSON.parse(text));
    }
  });
});

describe("bounds", () => {
  it("count values of every kind", () => {
    const text = `{"a":[1,"b",null,{}],"c":{"d":true}}`;
    expect(faultOf(text, { ...wide, values: 8 })).toEqual(JSON.parse(text));
    expect(faultOf(text, { ...wide, values: 7 })).toBe("values");
  });

  it("hold before anything beyond them is read", () => {
    expect(faultOf(`[${"{},".repeat(100)}!`, { ...wide, values: 50 })).toBe("values");
    expect(faultOf(`${"[".repeat(20)}!`, { ...wide, depth: 20 })).toBe("syntax");
    expect(faultOf(`${"[".repeat(21)}!`, { ...wide, depth: 20 })).toBe("depth");
  });

  it("end names and numbers that are too long", () => {
    expect(faultOf(`{"${"n".repeat(65_536)}":1}`)).toHaveProperty("n".repeat(65_536));
    expect(faultOf(`{"${"n".repeat(65_537)}":1}`)).toBe("key");
    expect(faultOf("1".repeat(65_537))).toBe("syntax");
  });
});

it("too long a string is a text in pieces, each of whole characters and large enough to stay where it is", () => {
  const bounds = { ...wide, stringUnits: 5 << 20 };
  const limits = [`${"a".repeat(5 << 20)}`, `${"\\n".repeat(5 << 20)}`];
  for (const text of limits) {
    expect(typeof parse(`"${text}"`, bounds)).toBe("string");
    const long = parse(`["${text}b"]`, bounds) as LongText[];
    expect(long[0]).toBeInstanceOf(LongText);
    expect(long[0]?.length).toBe((5 << 20) + 1);
    const sizes = Array.from(long[0]?.pieces() ?? [], ({ length }) => length);
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThanOrEqual(128 * 1024);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10 << 20);
  }
  const faces = parse(`["${"\\ud83d\\ude00".repeat(3 << 20)}"]`, bounds) as LongText[];
  expect(Array.from(faces[0]?.pieces() ?? []).every((piece) => piece.isWellFormed())).toBe(true);
  for (const char of ["é", "中", "😀"]) {
    const text = `b${char.repeat((6 << 20) / char.length)}`;
    const [read] = parse(JSON.stringify([text]), bounds) as LongText[];
    expect([read?.length, String(read) === text]).toEqual([text.length, true]);
  }
});

it("no step reads much", () => {
  const big = `[${"[],".repeat(10_000)}"${"s".repeat(1_000_000)}","${"\\n".repeat(500_000)}"]`;
  let steps = 0;
  for (const _ of parseJsonSteps(Buffer.from(big), wide)) steps += 1;
  // 2 MB in pieces of 64 kB, 10,000 values in thousands
  expect(steps).toBeGreaterThanOrEqual(35);
});
