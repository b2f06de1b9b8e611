import { describe, expect, it } from "vitest";
import { tableText } from "../../src/cli/table.ts";

const rows = [
  { name: "ci", owner: "", lastUsedAt: "2026-11-28T12:40:59.123Z", tags: ["a", "b"], count: 7 },
  { name: "研究", owner: null, lastUsedAt: null, tags: [], count: 1234 },
];

describe("tableText", () => {
  it("writes columns without quotes and without an index, and leaves out empty ones", () => {
    expect(tableText(rows, undefined).split("\n")).toEqual([
      "name  last used at      tags  count",
      "ci    2026-11-28 12:40  a, b      7",
      "研究  -                 -      1234",
    ]);
  });

  it("truncates the longest cells to fit a terminal, and nothing elsewhere", () => {
    const long = [{ id: "a".repeat(32), about: "b".repeat(100), size: 1 }];
    const lines = tableText(long, 80).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines[1]).toContain(`${"a".repeat(32)}  ${"b".repeat(30)}`);
    expect(lines[1]).toContain("…");
    expect(tableText(long, undefined)).toContain("b".repeat(100));
  });

  it("stays readable on a very narrow terminal and with wide letters", () => {
    const [, line = ""] = tableText([{ one: "字".repeat(20), two: "x".repeat(20) }], 10).split("\n");
    expect(line).toBe("字字字…   xxxxxxx…");
  });

  it("lets no value move the cursor", () => {
    expect(tableText([{ name: "a\u001b[2Jb\nc" }], undefined)).toBe("name\na [2Jb c");
  });
});
