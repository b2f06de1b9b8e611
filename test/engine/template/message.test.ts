import { describe, expect, it } from "vitest";
import { promptFamilies } from "../../../src/engine/template/family.ts";
import { firstMedia, templateMessages } from "../../../src/engine/template/message.ts";
import { type Item, type Role, textPart } from "../../../src/model/item.ts";
import { growth } from "../../support/cpu.ts";

function said(role: Role, text: string, name?: string): Item {
  return { type: "message", role, parts: [textPart(text)], ...(name === undefined ? {} : { name }) };
}
const thought = (text: string): Item => ({ type: "reasoning", text });
const call = (id: string, args: string): Item => ({ type: "call", id, name: "f", args });
const result = (id: string, text: string): Item => ({ type: "result", id, parts: [textPart(text)], failed: false });

describe("templateMessages", () => {
  it("merges system voices, in order, into one leading message", () => {
    const items = [
      said("system", "A"),
      said("user", "hi"),
      said("developer", "B"),
      said("root", "C"),
      said("user", "ho"),
    ];
    expect(templateMessages(items)).toEqual([
      { role: "system", content: "A\n\nB\n\nC" },
      { role: "user", content: "hi" },
      { role: "user", content: "ho" },
    ]);
  });

  it("keeps root apart for the family whose template knows it", () => {
    const items = [said("system", "A"), said("root", "R"), said("user", "hi")];
    expect(templateMessages(items, promptFamilies.m3).slice(0, 2)).toEqual([
      { role: "root", content: "R" },
      { role: "system", content: "A" },
    ]);
  });

  it("folds thought, text and calls of a turn into one message", () => {
    const items = [
      said("user", "go"),
      thought("hm"),
      thought("well"),
      said("assistant", "\nI call."),
      call("1", '{"b":1,"a":[2]}'),
      call("2", ""),
      result("1", "one"),
      result("2", "two"),
      thought("so"),
      said("assistant", "done"),
    ];
    expect(templateMessages(items)).toEqual([
      { role: "user", content: "go" },
      {
        role: "assistant",
        content: "I call.",
        reasoning_content: "hm\nwell",
        tool_calls: [
          { id: "1", type: "function", function: { name: "f", arguments: { b: 1, a: [2] } } },
          { id: "2", type: "function", function: { name: "f", arguments: {} } },
        ],
      },
      { role: "tool", content: "one", tool_call_id: "1" },
      { role: "tool", content: "two", tool_call_id: "2" },
      { role: "assistant", content: "done", reasoning_content: "so" },
    ]);
  });

  it("keeps two assistant messages, and text after calls, as turns of their own", () => {
    const items = [
      said("assistant", "a"),
      said("assistant", "b"),
      call("1", "{}"),
      said("assistant", "c"),
      thought("d"),
    ];
    const shapes = templateMessages(items).map((one) => [one.content, one.tool_calls?.length, one.reasoning_content]);
    expect(shapes).toEqual([
      ["a", undefined, undefined],
      ["b", 1, undefined],
      ["c", undefined, undefined],
      ["", undefined, "d"],
    ]);
  });

  it("keeps arguments that are no JSON object as text", () => {
    expect(templateMessages([call("1", "not json")])[0]?.tool_calls?.[0]?.function.arguments).toEqual({
      arguments: "not json",
    });
  });

  it("renders role-play roles as text of the system message", () => {
    const items = [
      said("system", "You are Ada."),
      said("user_system", "A shy pupil.", "Tom"),
      said("group", "The old library"),
      said("sample_message_user", "Hello?", "Tom"),
      said("sample_message_ai", "Hush!", "Ada"),
      said("user", "Hi", "Tom"),
    ];
    expect(templateMessages(items)).toEqual([
      {
        role: "system",
        content:
          "You are Ada.\n\nThe user's persona (Tom):\nA shy pupil.\n\nThe scene:\nThe old library\n\n" +
          "Example dialogue:\nTom: Hello?\nAda: Hush!",
      },
      { role: "user", content: "Hi", name: "Tom" },
    ]);
  });

  it("writes names into the text where several speak in one role", () => {
    const items = [said("user", "Hi", "Tom"), said("user", "Hey", "Eve"), said("assistant", "Hello", "Ada")];
    expect(templateMessages(items).map((one) => one.content)).toEqual(["Tom: Hi", "Eve: Hey", "Hello"]);
  });
});

it("many calls of one turn take linear time", () => {
  const turn = (calls: number): Item[] => Array.from({ length: calls }, (_, at) => call(`c${at}`, "{}"));
  const [few, many] = [turn(10_000), turn(80_000)];
  expect(templateMessages(few)[0]?.tool_calls).toHaveLength(10_000);
  // as many in eight turns that are kept: the same memory, so that only the length of a turn differs; 24 times for 8 times as many
  const grown = growth(
    () => Array.from({ length: 8 }, () => templateMessages(few)),
    () => templateMessages(many),
  );
  expect(grown).toBeLessThan(24 / 8);
});

describe("firstMedia", () => {
  it("names the first image or video", () => {
    const image: Item = {
      type: "message",
      role: "user",
      parts: [
        textPart("see"),
        {
          type: "image",
          detail: "default",
          media: { kind: "url", url: "https://a/b" },
          param: "messages[0].content[1]",
        },
      ],
    };
    expect(firstMedia([said("user", "x")])).toBeUndefined();
    expect(firstMedia([image])).toEqual({ param: "messages[0].content[1]", type: "image" });
  });
});
