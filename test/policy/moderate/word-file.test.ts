import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseWordFile, readWordFiles, WordFileError } from "../../../src/policy/moderate/word-file.ts";

const folder = mkdtempSync(join(tmpdir(), "parley-words-"));
afterAll(() => rmSync(folder, { recursive: true }));

const written = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

describe("word files", () => {
  it("hold words under headings, comments and empty lines", () => {
    const source =
      "\ufeff# ours\r\n[1]\r\n敏感 词\r\n\r\n[porn]\n  Bad Word  \n[abuse severe]\nrude\n[2 mild]\n[7]\nmore";
    expect(parseWordFile(source, { path: "w.txt" })).toEqual([
      { text: "敏感 词", category: 1, severity: "severe" },
      { text: "Bad Word", category: 2, severity: "mild" },
      { text: "rude", category: 5, severity: "severe" },
      { text: "more", category: 7, severity: "mild" },
    ]);
  });

  it("take category and severity from the file's settings, then from the category's", () => {
    expect(parseWordFile("x", { path: "w", category: "2" }, { porn: "severe" })[0]?.severity).toBe("severe");
    expect(parseWordFile("x", { path: "w", category: "ads", severity: "mild" }, { "3": "severe" })[0]).toEqual({
      text: "x",
      category: 3,
      severity: "mild",
    });
    expect(
      parseWordFile("[2]\nx\n[3 mild]\ny", { path: "w", severity: "severe" }).map((word) => word.severity),
    ).toEqual(["severe", "mild"]);
  });

  it.each([
    ["[9]\nx", /^w\.txt:1: unknown category "9"; allowed are 1 to 7 or severe, porn/],
    ["# x\n[2 hard]\nx", /^w\.txt:2: found "\[2 hard\]"; after the category only mild or severe/],
    ["x", /^w\.txt:1: a word without a category/],
    ["[2]\n\u200b\u200d", /^w\.txt:2: nothing of this word can be seen/],
    [`[2]\n${"x".repeat(201)}`, /^w\.txt:2: 201 characters, at most 200/],
    ["[2]\n# none", /^w\.txt: no words in it/],
  ])("refuse %j", (source, message) => {
    expect(() => parseWordFile(source, { path: "w.txt" })).toThrow(message);
    expect(() => parseWordFile(source, { path: "w.txt" })).toThrow(WordFileError);
  });

  it("refuse an unknown category in the settings", () => {
    expect(() => parseWordFile("x", { path: "w", category: "nine" })).toThrow(/w: unknown category "nine"/);
    expect(() => parseWordFile("[1]\nx", { path: "w" }, { "8": "mild" })).toThrow(/severity: unknown category "8"/);
  });

  it("are read from disk, all of them", () => {
    const files = [{ path: written("a.txt", "[1]\na") }, { path: written("b.txt", "b"), category: "2" }];
    expect(readWordFiles(files, {}).map((word) => word.text)).toEqual(["a", "b"]);
  });

  it("that cannot be read or are no text are told by name", () => {
    expect(() => readWordFiles([{ path: join(folder, "none.txt") }], {})).toThrow(/none\.txt: cannot be read/);
    expect(() => readWordFiles([{ path: folder }], {})).toThrow(/cannot be read/);
    const path = written("gbk.txt", Uint8Array.from([0x5b, 0x31, 0x5d, 0x0a, 0xc3, 0xf4, 0xb8]));
    expect(() => readWordFiles([{ path }], {})).toThrow(/gbk\.txt: not UTF-8 text/);
  });
});
