import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalize, NormalizedStream, NormalTable } from "../../../src/policy/moderate/normalize.ts";

interface Folded {
  text: string;
  starts: number[];
}

function stream(pieces: readonly string[], json: boolean): Folded {
  const folded: Folded = { text: "", starts: [] };
  const reader = new NormalizedStream({
    json,
    table: new NormalTable(),
    feed: (unit, start) => {
      folded.text += String.fromCharCode(unit);
      folded.starts.push(start);
    },
  });
  for (const piece of pieces) reader.push(piece);
  reader.end();
  return folded;
}

const cutAt = (text: string, cuts: readonly number[]): string[] => {
  const sorted = [...new Set([0, ...cuts.map((cut) => cut % (text.length + 1)), text.length])].sort((a, b) => a - b);
  return sorted.slice(1).map((end, index) => text.slice(sorted[index], end));
};

const odd = fc.string({
  unit: fc.constantFrom(
    ...Array.from("aBÉ é \t\n中文字ｆＦ０ｶﾞガ가각ᄀ한Σςß🙂𝐁"),
    "\u0301",
    "\u0323",
    "\u200b",
    "\u200d",
    "\ufe0f",
    "\u00ad",
    "\u11a8",
    "\u3000",
    "\ud83d",
    // an invisible character and a mark, each a surrogate pair
    "\u{e0100}",
    "\u{1d165}",
    "㍿",
    "İ",
  ),
});

describe("fold", () => {
  it.each([
    ["ＦｕＬＬ　Ｗｉｄｔｈ", "full width"],
    ["b\u200ba\u2060d\ufeff", "bad"],
    ["a  \t\n b", "a b"],
    ["cafe\u0301", "café"],
    ["Straße ΟΔΟΣ", "strasse οδοσ"],
    ["ｶﾞ", "ガ"],
    ["\u1112\u1161\u11ab", "한"],
    ["敏\u200b感", "敏感"],
    ["𝐁𝐀𝐃", "bad"],
    ["ⓑⓐⓓ", "bad"],
  ])("folds %j to %j", (text, folded) => {
    expect(normalize(text)).toBe(folded);
  });

  it("does what NFKC does, where letter case and invisible characters play no part", () => {
    const plain = fc.string({
      unit: fc.constantFrom(...Array.from("abcé中ｆ０ガｶ가각ᄀ"), "ﾞ", "\u0301", "\u0323", "\u11a8", "㍿"),
    });
    fc.assert(
      fc.property(plain, (text) => {
        expect(normalize(text)).toBe(text.normalize("NFKC"));
      }),
      { numRuns: 500 },
    );
  });

  it("gives the same units from the same places, however the text is cut", () => {
    fc.assert(
      fc.property(odd, fc.array(fc.nat(50)), fc.boolean(), (text, cuts, json) => {
        expect(stream(cutAt(text, cuts), json)).toEqual(stream([text], json));
      }),
      { numRuns: 500 },
    );
  });

  it("reads the escapes of JSON, however they are cut", () => {
    const escaped = (text: string): string =>
      Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`).join(
        "",
      );
    fc.assert(
      fc.property(odd, fc.array(fc.nat(300)), (text, cuts) => {
        const whole = JSON.stringify(text).slice(1, -1);
        expect(stream(cutAt(whole, cuts), true).text).toBe(stream([text], false).text);
        expect(stream(cutAt(escaped(text), cuts), true).text).toBe(stream([text], false).text);
      }),
      { numRuns: 300 },
    );
  });

  it("is not stopped by a long row of marks or invisible characters", () => {
    expect(normalize(`a${"\u200b".repeat(1000)}b`)).toBe("ab");
    expect(stream([`x${"\u0301".repeat(300)}`, "y"], false).text.endsWith("y")).toBe(true);
  });
});
