import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchesRegex } from "../../support/regex-match.ts";
import { pathsOf } from "../../../src/lib/regex/paths.ts";
import { parseRegex } from "../../../src/lib/regex/parse.ts";
import { growth } from "../../support/cpu.ts";

/** Expressions of every kind, small enough for JavaScript's own search. */
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constantFrom("a", "b", "-", "你", "😀", ".", "\\d", "\\W", "\\s", "\\S", "\\.", "\\x41", "\\u{62}", "\\p{Lu}"),
    fc.constantFrom("[ab]", "[^a-c]", "[\\w-]", "[\\]a]", "[\\b\\d]", "[^\\p{L}]", "[😀-😂]"),
    fc.constantFrom("^", "$", "\\b", "\\B"),
    fc.array(tie("expression"), { maxLength: 4 }).map((parts) => parts.join("")),
    fc.array(tie("expression"), { minLength: 1, maxLength: 3 }).map((ways) => `(${ways.join("|")})`),
    fc
      .tuple(tie("expression"), fc.constantFrom("*", "+", "?", "*?", "{2}", "{1,}", "{0,2}", "{0}"))
      .map(([of, count]) => `(?:${of})${count}`),
  ),
}));
const text = fc.array(fc.constantFrom("a", "b", "c", "A", "1", "-", " ", "你", "😀", "."), { maxLength: 6 });

describe("parseRegex and matchesRegex", () => {
  it("law: match what JavaScript's own expressions match", () => {
    fc.assert(
      fc.property(expression, text, (source, characters) => {
        const node = parseRegex(source);
        if (node === undefined) throw new Error(`not read: ${source}`);
        const whole = characters.join("");
        // from the start: V8's own search also tries the middle of a surrogate pair, which the language does not
        expect(matchesRegex(node, whole)).toBe(new RegExp(`^[^]*?(?:${source})`, "u").test(whole));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ...["(?=a)", "(?!a)", "(?<=a)", "(a)\\1", "(?<n>a)\\k<n>", "\\cA", "a{3,1}", "a{", "(", ")", "[a", "[z-a]", "*"],
    ...["a**", "^*", "\\", "\\p{Nope}", "\\u12", "\\u{110000}", "(".repeat(60) + ")".repeat(60), "a".repeat(4_001)],
    ...["[\\p{L}-a]", "[\\p{L}-\\p{N}]"],
  ])("does not read %s", (source) => {
    expect(parseRegex(source)).toBeUndefined();
  });

  it("reads classes of many characters in linear time", () => {
    const several = (count: number): string =>
      `[^${Array.from({ length: count }, (_, at) => String.fromCharCode(0x4e00 + 2 * at)).join("")}]`;
    const read = (source: string) => (): void => {
      for (let times = 0; times < 20; times++) expect(parseRegex(source)).toBeDefined();
    };
    // 8 times the characters; the square of their number would be 64 times the time
    expect(growth(read(several(490)), read(several(3_920)))).toBeLessThan(25);
  });

  it.each([
    ["abc", 2],
    ["a|bc", 1],
    ["a?b?c?", 3],
    ["[a-z]{1,3}", 2],
    ["(ab){2}c*", 5],
    ["a+", 1],
    ["(a{1,2}){1,3}", 3 * 1 + 2 * 2],
    ["a?".repeat(100), (100 * 99) / 2],
  ])("counts the steps from character to character of %s: %d", (source, paths) => {
    const node = parseRegex(source);
    expect(node && pathsOf(node)).toBe(paths);
  });

  it("takes no exponential time", () => {
    const node = parseRegex(`${"(".repeat(40)}a${")+".repeat(40)}b`);
    expect(node !== undefined && matchesRegex(node, "a".repeat(24))).toBe(false);
  });
});
