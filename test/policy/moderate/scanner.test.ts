import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildAutomaton, normalizeWord, inWord, type Word } from "../../../src/policy/moderate/automaton.ts";
import { normalize } from "../../../src/policy/moderate/normalize.ts";
import { Scanner } from "../../../src/policy/moderate/scanner.ts";
import { growth } from "../../support/cpu.ts";

const severe = (...texts: string[]): Word[] => texts.map((text) => ({ text, category: 2, severity: "severe" }));

function scan(words: readonly Word[], pieces: readonly string[], json = false): Scanner {
  const scanner = new Scanner({ automaton: buildAutomaton(words), json });
  for (const piece of pieces) scanner.push(piece);
  scanner.end();
  return scanner;
}

/** Whether a word stands in a text, found the slow way. */
function contains(text: string, word: string): boolean {
  const folded = normalize(text);
  const wanted = normalizeWord(word);
  for (let at = folded.indexOf(wanted); at >= 0; at = folded.indexOf(wanted, at + 1)) {
    const before = at > 0 && inWord(folded.charCodeAt(at - 1)) && inWord(wanted.charCodeAt(0));
    const end = at + wanted.length;
    const after = end < folded.length && inWord(folded.charCodeAt(end)) && inWord(wanted.charCodeAt(wanted.length - 1));
    if (!before && !after) return true;
  }
  return false;
}

describe("Scanner", () => {
  it.each([
    ["敏感词", "这是敏感词呀", 2],
    ["敏感词", "这是敏\u200b感\u200b词呀", 2],
    ["bad", "a BAD thing", 2],
    ["bad", "ｂａｄ", 0],
    ["bad", "很bad呀", 1],
    ["bad", "bad", 0],
    ["bad word", "so bad \n\n word.", 3],
    ["C4炸药", "买c4炸药去", 1],
    ["плохо", "очень ПЛОХО.", 6],
    ["🙂🙂", "a🙂🙂", 1],
    ["株式会社", "㍿", 0],
  ])("finds %j in %j", (word, text, start) => {
    expect(scan(severe(word), [text]).severe).toEqual({ start, category: 2 });
  });

  it.each([
    ["bad", "badly"],
    ["bad", "abad"],
    ["bad", "bad2"],
    ["bad", "bádbade"],
    ["cafe", "cafe\u0301"],
    ["bad word", "badword"],
    ["плохо", "неплохо"],
  ])("does not find %j in %j", (word, text) => {
    expect(scan(severe(word), [text]).severe).toBeUndefined();
  });

  it("tells the first word that ends, and of several that end there the longest", () => {
    const words = severe("bcd", "abcdef", "xbcd");
    expect(scan(severe("字b", "a字b", "a字bc"), ["a字b字"]).severe?.start).toBe(0);
    expect(scan(words, ["xbcd"]).severe?.start).toBe(0);
    expect(scan(severe("二三", "一二三四"), ["一二三四"]).severe?.start).toBe(1);
  });

  it("keeps apart what is severe and what is mild", () => {
    const words: Word[] = [
      { text: "tease", category: 5, severity: "mild" },
      { text: "forbidden", category: 1, severity: "severe" },
      { text: "both", category: 3, severity: "mild" },
      { text: "BOTH", category: 4, severity: "severe" },
    ];
    const scanner = scan(words, ["a tease and both"]);
    expect([scanner.mild, scanner.severe]).toEqual([5, { start: 12, category: 4 }]);
  });

  it("sees through the escapes of JSON", () => {
    expect(scan(severe("敏感"), ['{"q":"\\u654f', '\\u611f"}'], true).severe).toEqual({ start: 6, category: 2 });
    expect(scan(severe("bad word"), ['{"q":"bad\\nword"}'], true).severe?.start).toBe(6);
  });

  it("finds exactly what looking at every place finds, however the text is cut, and holds enough back", () => {
    const letters = fc.constantFrom("a", "b", "A", "ａ", " ", "中", "文", "\u200b", "\u0301", ".", "é");
    const wordText = fc
      .string({ unit: letters, minLength: 1, maxLength: 4 })
      .filter((text) => normalizeWord(text) !== "");
    const texts = fc.array(fc.string({ unit: letters, maxLength: 6 }), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(wordText, { minLength: 1, maxLength: 6 }), texts, (words, pieces) => {
        const text = pieces.join("");
        const automaton = buildAutomaton(severe(...words));
        const scanner = new Scanner({ automaton, json: false });
        let cleared = 0;
        for (const piece of pieces) {
          scanner.push(piece);
          expect(scanner.clear).toBeGreaterThanOrEqual(cleared);
          cleared = scanner.clear;
        }
        scanner.end();
        expect(scanner.severe !== undefined).toBe(words.some((word) => contains(text, word)));
        expect(scanner.clear).toBeGreaterThanOrEqual(cleared);
        expect(scanner.severe).toEqual(scan(severe(...words), [text]).severe);
        const free = text.slice(0, scanner.clear);
        expect(words.some((word) => contains(free, word))).toBe(false);
        if (scanner.severe === undefined) expect(free).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it("needs time by the length of the text, not by the number of words", () => {
    const consonants = "bcdfghjklm";
    const name = (index: number): string => [...String(index)].map((digit) => `${consonants[Number(digit)]}a`).join("");
    const text = `她说 hello, babacada badabab 敏感的话题 ${"ba".repeat(20)}。`.repeat(16_000).slice(0, 1_000_000);
    const scan = (count: number, length: number): (() => void) => {
      const words = Array.from({ length: count }, (_, index) => (index % 2 ? name(index) : `敏${name(index)}词`));
      const automaton = buildAutomaton(severe(...words));
      return () => {
        const scanner = new Scanner({ automaton, json: false });
        scanner.push(text.slice(0, length));
        scanner.end();
        expect(scanner.severe).toBeUndefined();
        expect(scanner.clear).toBe(length);
      };
    };
    const long = scan(5_000, 1_000_000);
    expect(growth(scan(5_000, 100_000), long)).toBeLessThan(30);
    // a thousand times the words
    expect(growth(scan(5, 1_000_000), long)).toBeLessThan(10);
  });
});
