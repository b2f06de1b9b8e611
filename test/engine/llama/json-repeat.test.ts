import { describe, expect, it } from "vitest";
import { JsonRepeat } from "../../../src/engine/llama/json-repeat.ts";
import { growth } from "../../support/cpu.ts";

function endingAfter(text: string, pieceChars = 7): string | undefined {
  const repeat = new JsonRepeat();
  for (let at = 0; at < text.length; at += pieceChars) repeat.feed(text.slice(at, at + pieceChars));
  return repeat.ending;
}

describe("JsonRepeat", () => {
  it.each([
    ["a word", `{"note": "${"car ".repeat(60)}`],
    ["one character", `["${"h".repeat(220)}`],
    ["a sentence", `"${"It is what it is, and so it goes on. ".repeat(9)}`],
    ["with escapes", `{"a": {"b": "${'\\"no\\n\\" '.repeat(40)}`],
    ["after a good beginning", `{"a": "It was a dark night. ${"and the rain fell ".repeat(14)}`],
    ["in a key", `{"${"name_".repeat(60)}`],
  ])("a string that says %s without end should end", (_, text) => {
    expect(endingAfter(text)).toBe('"');
    expect(endingAfter(text, 1)).toBe('"');
  });

  it.each([
    ["a ruler", `{"a": "${"-".repeat(120)}`],
    ["a refrain", `{"a": "${"row row row your boat, ".repeat(6)}`],
    ["counting", `"${Array.from({ length: 200 }, (_, at) => `line ${at}\\n`).join("")}`],
    ["a loop that was left", `{"a": "${"car ".repeat(60)} and then a bus came by, which was red`],
    ["the same in many strings", `["${Array.from({ length: 90 }, () => "car").join('", "')}`],
    ["numbers, which may be a table", `[${"0, ".repeat(400)}`],
  ])("%s may go on", (_, text) => {
    expect(endingAfter(text)).toBeUndefined();
  });

  it("an object that holds a key twice should end, where it may; others may go on", () => {
    expect(endingAfter('{"name": "car", "name": "car"')).toBe("}");
    expect(endingAfter('{"name": "car", "name": "ca')).toBeUndefined();
    expect(endingAfter('{"name": "car", "name": "car"}')).toBeUndefined();
    expect(endingAfter('[{"name": "car"}, {"name": "car"')).toBeUndefined();
    expect(endingAfter('{"a": {"a": {"a": ["a", "a", {"b": 1, "b": 2')).toBe("}");
    expect(endingAfter('{"a": {"a": 1, "a": 2}, "b": 1')).toBeUndefined();
    expect(endingAfter('{"a": "a", "b": "a", "a ": "b"')).toBeUndefined();
  });

  it("knows where JSON begins and ends", () => {
    const repeat = new JsonRepeat();
    const seen = ["\n", "{", '"a": "', 'b"', "}"].map((piece) => {
      repeat.feed(piece);
      return repeat.inside;
    });
    expect(seen).toEqual([false, true, true, true, false]);
  });

  it("reads a long string in linear time", () => {
    const read = (size: number): void => void endingAfter(`{"a": "${"a word and another ".repeat(size)}`, 40);
    const many = (): void => {
      for (let at = 0; at < 8; at++) read(2_000);
    };
    // where the time grew with the square, one of the whole length would take eight times as long
    expect(growth(many, () => read(16_000))).toBeLessThan(3);
  });
});
