import { describe, expect, it } from "vitest";
import type { Item } from "../../src/model/item.ts";
import { formatItems, formatStored, parseItems, parseStoredList, parseStoredObject } from "../../src/model/stored.ts";

const items: readonly Item[] = [
  {
    type: "message",
    role: "user",
    name: "Ann",
    parts: [
      { type: "text", text: "看 🙂\u0000" },
      {
        type: "image",
        media: { kind: "url", url: "https://a/b.png" },
        detail: "low",
        maxLongSide: 64,
        param: "input[0]",
      },
      { type: "video", media: { kind: "file", fileId: "12" }, detail: "default", fps: 1 },
    ],
  },
  { type: "message", role: "assistant", phase: "final", parts: [] },
  { type: "reasoning", text: "so", encrypted: "e1" },
  { type: "call", id: "c1", name: "f", args: "{}" },
  { type: "result", id: "c1", parts: [{ type: "text", text: "no" }], failed: true },
];

const internal = (message: RegExp): object => ({ kind: "internal", message: expect.stringMatching(message) as string });

describe("stored items", () => {
  it("are read as they were written, with the version of their form", () => {
    expect(JSON.parse(formatItems(items))).toEqual({ version: 1, value: items });
    expect(parseItems(formatItems(items))).toEqual(items);
  });

  it("of rows without a version are the bare list", () => {
    expect(parseItems(JSON.stringify(items))).toEqual(items);
    expect(parseItems("[]")).toEqual([]);
  });

  it.each([
    ["{", /not JSON/],
    ["{}", /items/],
    ["null", /items/],
    ['[{"type":"song"}]', /0\.type/],
    ['[{"type":"call","id":"c","name":"f"}]', /0\.args/],
    ['[{"type":"message","role":"king","parts":[]}]', /0\.role/],
    ['{"version":2,"value":[]}', /version 2 .* up to 1: use a newer/],
    ['{"version":1,"value":{}}', /items/],
  ])("are refused as our own fault: %s", (text, message) => {
    expect(() => parseItems(text)).toThrow(expect.objectContaining(internal(message)));
  });
});

describe("stored objects and lists", () => {
  const body = { id: "a", object: "response", output: [{ version: 3, value: 1 }] };

  it("are read with a version and without", () => {
    for (const text of [formatStored(body), JSON.stringify(body)]) expect(parseStoredObject(text)).toEqual(body);
    for (const text of [formatStored([body]), JSON.stringify([body])]) expect(parseStoredList(text)).toEqual([body]);
  });

  it("are refused where they are something else", () => {
    expect(() => parseStoredObject("[]")).toThrow(expect.objectContaining(internal(/an object/)));
    expect(() => parseStoredList("{}")).toThrow(expect.objectContaining(internal(/a list/)));
    expect(() => parseStoredList("[1]")).toThrow(expect.objectContaining(internal(/a list/)));
    expect(() => parseStoredList('{"version":9,"value":[]}')).toThrow(expect.objectContaining(internal(/version 9/)));
  });
});
