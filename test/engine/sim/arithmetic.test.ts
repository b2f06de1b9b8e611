import { describe, expect, it } from "vitest";
import { evaluate, evaluateLetters, findExpression } from "../../../src/engine/sim/arithmetic.ts";

describe("arithmetic", () => {
  it.each<[string, number]>([
    ["What is 2+3?", 5],
    ["17 * 23", 391],
    ["What is 2 + 3 * 4 - 1?", 13],
    ["(2+3)*4 = ?", 20],
    ["2*(3+(4-1))", 12],
    ["10 / 4", 2.5],
    ["7 times 6", 42],
    ["12 divided by 4", 3],
    ["3 plus 4 minus 5", 2],
    ["-5 + 3", -2],
    ["0.1 + 0.2", 0.3],
    ["12乘以3等于多少", 36],
    ["5加7", 12],
    ["6 × 7 和 8 ÷ 2", 42],
    ["17 % 5", 2],
  ])("%s", (asked, expected) => {
    expect(evaluate(findExpression(asked) ?? "")).toBe(expected);
  });

  it("finds no sum in dates, lists and plain numbers", () => {
    for (const text of ["on 2026-03-04", "I have 3 cats and 4 dogs", "", "call me at noon"])
      expect(findExpression(text)).toBeUndefined();
  });

  it("has no value for what is malformed or endless", () => {
    for (const source of ["", "2+", "(2+3", "2+3)", "1/0", "2 3", `${"(".repeat(10_000)}1`])
      expect(evaluate(source)).toBeUndefined();
  });
});

describe("evaluateLetters", () => {
  it("follows letters from message to message", () => {
    const said = ["Let x = 10.", "Now let y = x + 5.", "Let z = x + y.", "What is x + y + z?"];
    expect(evaluateLetters(said)).toEqual({ expression: "x + y + z", value: 50 });
    expect(evaluateLetters(["a = 2, b = 3", "and a*(b) ?"])).toEqual({ expression: "a*(b)", value: 6 });
    expect(evaluateLetters(["x = 1", "x = 5", "x + 1"])?.value).toBe(6);
  });

  it("knows nothing of letters without a value, and leaves words alone", () => {
    expect(evaluateLetters(["x = 1", "What is x + q?"])).toBeUndefined();
    expect(evaluateLetters(["a = 1", "Is this a well-known and/or half-hearted idea?"])).toBeUndefined();
    expect(evaluateLetters([])).toBeUndefined();
  });
});
