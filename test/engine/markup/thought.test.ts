import { expect, test } from "vitest";
import { splitThought } from "../../../src/engine/markup/thought.ts";

test.each([
  ["Hi", "", "Hi"],
  ["", "", ""],
  ["<think>\nhm\n</think>\nHi", "hm", "Hi"],
  ["<think>\nhm\n</think>\n\nHi\n", "hm", "\nHi\n"],
  ["<think>hm</think>\n\nHi", "hm", "\nHi"],
  ["hm\n</think>\n\nHi", "hm", "\nHi"],
  ["hm\n</think>", "hm", ""],
  ["<think>hm", "hm", ""],
  ["Write `</think>` to close.", "", "Write `</think>` to close."],
  ["Write `<think>` to open.", "", "Write `<think>` to open."],
])("%j", (text, reasoning, answer) => {
  expect(splitThought(text, ["think"])).toEqual({ reasoning, text: answer });
});

test("only the given tags", () => {
  expect(splitThought("<mm:think>a</mm:think>b", ["think"])).toEqual({
    reasoning: "",
    text: "<mm:think>a</mm:think>b",
  });
  expect(splitThought("<mm:think>a</mm:think>b", ["think", "mm:think"])).toEqual({ reasoning: "a", text: "b" });
});
