import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonScanner } from "../../../src/lib/json-scanner/scanner.ts";

interface Scanned {
  /** Everything reported, joined. */
  json: string;
  /** The same as a list: parts of one string joined, quotation marks apart. */
  tokens: string[];
  state: string;
  mended: boolean;
  /** What was not read. */
  rest: string;
}

function scan(...pieces: string[]): Scanned {
  const tokens: string[] = [];
  let open = false;
  const put = (json: string): void => void tokens.push(json);
  const scanner = new JsonScanner({
    sign: put,
    word: put,
    space: put,
    string: (json) => {
      if (json === '"') open = !open;
      const begun = open && json !== '"' && tokens.at(-1) !== '"';
      if (begun) tokens.push((tokens.pop() ?? "") + json);
      else put(json);
    },
  });
  let rest = "";
  for (const piece of pieces) rest += piece.slice(scanner.feed(piece));
  return { json: tokens.join(""), tokens, state: scanner.state, mended: scanner.mended, rest };
}

function cutAt(text: string, places: readonly number[]): string[] {
  const at = places.map((place) => place % (text.length + 1)).toSorted((a, b) => a - b);
  return [...at, text.length].map((end, index) => text.slice(at[index - 1] ?? 0, end));
}

const container = fc.json().filter((text) => /^[[{]/.test(text));
const bit = fc.constantFrom(
  ...["{", "}", "[", "]", '"', '"a"', ",", ":", " ", "\n", "\u00a0", "\\", "\\n", "\\u00e9", "\\ud83d", "\\ude00"],
  ...["u", "x", "12", "-0.5e1", "true", "None", "constructor", "\u0001", "🙂", "d83d"],
);
const broken = fc.array(bit, { maxLength: 20 }).map((bits) => bits.join(""));

describe("JsonScanner", () => {
  it("law: reports valid JSON as it stands, and nothing mended", () => {
    fc.assert(
      fc.property(container, fc.boolean(), (text, wide) => {
        const source = wide ? JSON.stringify(JSON.parse(text), null, 2) : text;
        const { json, state, mended, rest } = scan(source);
        expect({ json, state, mended, rest }).toEqual({ json: source, state: "done", mended: false, rest: "" });
      }),
    );
  });

  it("law: any cutting gives the same reports", () => {
    fc.assert(
      fc.property(fc.oneof(container, broken), fc.array(fc.nat(50), { maxLength: 8 }), (text, places) => {
        const whole = scan(text);
        expect(scan(...cutAt(text, places))).toEqual(whole);
        expect(scan(...text.split(""))).toEqual(whole);
      }),
      { numRuns: 1_000 },
    );
  });

  it("law: what it accepts is what it reports, and JSON; what JSON.parse accepts it reports with the same value", () => {
    fc.assert(
      fc.property(broken, (text) => {
        const { json, state, mended, rest } = scan(`[${text}]`);
        if (state === "done") {
          const value: unknown = JSON.parse(json);
          if (!mended) expect(`[${text}]`).toBe(json + rest);
          if (!mended && rest === "") expect(value).toEqual(JSON.parse(`[${text}]`));
        }
        let valid = true;
        try {
          JSON.parse(`[${text}]`);
        } catch {
          valid = false;
        }
        if (valid) expect({ state, mended, rest }).toEqual({ state: "done", mended: false, rest: "" });
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['{"a": "\\d \\u12g4 \\"}', '{"a": "\\\\d \\\\u12g4 \\"}'],
    ["[1, ]", "[1]"],
    ["[True,None]", "[true,null]"],
    ['["\n\u0001"]', '["\\n\\u0001"]'],
    ["[1\u00a0]", "[1 ]"],
  ])("mends %j", (text, expected) => {
    const { json, mended } = scan(text);
    expect({ json, mended }).toEqual({ json: expected, mended: true });
  });

  it.each(["[constructor]", "[toString]", "[1 2]", "[01]", "{,}", "[,1]", "{]", "[1,,2]", '{"a"}', "x", ":"])(
    "breaks at %s",
    (text) => {
      expect(scan(`${text} `).state).toBe("broken");
    },
  );

  it("keeps a comma back until something follows it", () => {
    expect(scan("[1, ").json).toBe("[1");
    expect(scan("[1, ", '"').json).toBe('[1, "');
  });
});
