import { describe, expect, test } from "vitest";
import { markupParser } from "../../../src/engine/markup/parser.ts";
import { EventBuilder } from "../../../src/model/event-builder.ts";
import { fault, rows, type Setting } from "./fold.ts";

const json: Setting = { calls: "json", tags: ["think"] };
const block = (body: string): string => `<tool_call>${body}</tool_call>`;

describe("JSON calls", () => {
  test.each<[string, string, string[][]]>([
    ["one call", block('\n{"name": "w", "arguments": {"city":"Paris","days":[1,2]}}\n'), [["call", "w", '{"city": "Paris", "days": [1, 2]}']]], // prettier-ignore
    ["parameters", block('{"name":"w","parameters":{"a":null}}'), [["call", "w", '{"a": null}']]],
    ["arguments first", block('{"arguments":{"a":1},"name":"w"}'), [["call", "w", '{"a": 1}']]],
    ["other keys", block('{"id": 5, "type": "function", "name": "w", "arguments": {}}'), [["call", "w", "{}"]]],
    ["no arguments", block('{"name": "w"}'), [["call", "w", "{}"]]],
    ["null arguments", block('{"name": "w", "arguments": null}'), [["call", "w", "{}"]]],
    ["arguments as a string", block('{"name": "w", "arguments": "{\\"a\\":\\"b\\"}"}'), [["call", "w", '{"a": "b"}']]],
    ["an array", block('[{"name":"a","arguments":{}}, {"name":"b","arguments":{"x":1}}]'), [["call", "a", "{}"], ["call", "b", '{"x": 1}']]], // prettier-ignore
    ["lines of M1", '<tool_calls>\n{"name":"a","arguments":{}}\n{"name":"b","arguments":{}}\n</tool_calls>', [["call", "a", "{}"], ["call", "b", "{}"]]], // prettier-ignore
    ["two blocks", `${block('{"name":"a"}')}\n${block('{"name":"b"}')}`, [["call", "a", "{}"], ["call", "b", "{}"]]], // prettier-ignore
    ["a closing tag in a string", block('{"name":"w","arguments":{"a":"</tool_call>"}}'), [["call", "w", '{"a": "</tool_call>"}']]], // prettier-ignore
    ["raw newline in a string", block('{"name":"w","arguments":{"a":"1\n2"}}'), [["call", "w", '{"a": "1\\n2"}']]],
    ["trailing commas", block('{"name":"w","arguments":{"a":[1,],},}'), [["call", "w", '{"a": [1]}']]],
    ["Python words", block('{"name":"w","arguments":{"a":True,"b":None}}'), [["call", "w", '{"a": true, "b": null}']]],
    ["text around", `Look.\n${block('{"name":"w"}')}\nDone.`, [["text", "Look."], ["call", "w", "{}"], ["text", "Done."]]], // prettier-ignore
    ["in thought", `<think>a${block('{"name":"w"}')}b</think>c`, [["reasoning", "a"], ["call", "w", "{}"], ["reasoning", "b"], ["text", "c"]]], // prettier-ignore
    ["no JSON", block("w()"), [["text", block("w()")]]],
    ["no call", block('{"title":"w"}'), [["text", block('{"title":"w"}')]]],
    ["a forgotten colon", block('{"name" "w"}'), [["text", block('{"name" "w"}')]]],
    ["an array of something else", `Read\n${block("[1, 2]")}.`, [["text", "Read"], ["text", `\n${block("[1, 2]")}.`]]], // prettier-ignore
    ["an empty array", block(" [ ] "), [["text", block(" [ ] ")]]],
    ["a call and then something else", block('[{"name":"a"}, {"title": 1}]'), [["call", "a", "{}"], ["text", ', {"title": 1}]']]], // prettier-ignore
    ["no name's type", block('{"name":5}'), [["text", block('{"name":5}')]]],
    ["forgotten end", '<tool_call>{"name":"w"}\nDone.', [["call", "w", "{}"], ["text", "Done."]]], // prettier-ignore
    ["Chinese", block('{"name":"查","arguments":{"城市":"北京🙂"}}'), [["call", "查", '{"城市": "北京🙂"}']]],
  ])("%s", (_, text, expected) => {
    expect(rows(text, json)).toEqual(expected);
  });

  test.each([
    ['{"name":"w","arguments":{"a":"hal', '{"a": "hal'],
    ['{"name":"w","arguments":{"a":"x\\', '{"a": "x'],
    ['{"name":"w","arguments":{"a":"x","b', '{"a": "x"'],
    ['{"name":"w","arguments":{"a":"x","b":', '{"a": "x"'],
    ['{"name":"w","arguments":{"a":"x","b":12', '{"a": "x"'],
    ['{"name":"w","arguments":{"a":["x",{"b":true', '{"a": ["x", {'],
    ['{"name":"w","arguments":"{\\"a\\":\\"hal', "{"],
    ['{"name":"w","arg', "{"],
    ['{"name":"w"', "{"],
    ['{"name":"w","arguments":{"a":"x"}', '{"a": "x"}'],
    ['{"name":"w","arguments":{"a":"x"},', '{"a": "x"}'],
    ['{"arguments":{"a":"x"},"name":"w"', '{"a": "x"}'],
  ])("a block truncated at %s stays as it is: a fault unless the token limit did it", (body, expected) => {
    const text = `<tool_call>${body}`;
    expect(rows(text, { ...json, cut: true })).toEqual([["call", "w", expected]]);
    expect(rows(text, json)).toEqual([["call", "w", expected]]);
    expect(fault([text], { ...json, cut: true })).toBeUndefined();
    expect(fault([text], json)).toBe("the model's call of 'w' broke off before its end");
  });

  test("a call whose object is complete is whole without its tag", () => {
    const text = '<tool_call>{"name":"w","arguments":{"a":"x"}}';
    expect(rows(text, json)).toEqual([["call", "w", '{"a": "x"}']]);
    expect(fault([text], json)).toBeUndefined();
  });

  test.each(['{"na', "", '[{"name":"w"}, {"na', '{"arguments":{"a":1}'])(
    "a block truncated before a name, at %s, is no text: a fault unless the token limit did it",
    (body) => {
      const text = `a<tool_call>${body}`;
      expect(rows(text, json).filter(([type]) => type === "text")).toEqual([["text", "a"]]);
      expect(rows(text, { ...json, cut: true })).toEqual(rows(text, json));
      expect(fault([text], { ...json, cut: true })).toBeUndefined();
      expect(fault(text, json)).toBe("the model began a call that broke off before the name of its tool");
    },
  );

  test("arguments that are no JSON: they stay as they are, and are a fault", () => {
    let ordinal = 0;
    const parser = markupParser({
      think: { tags: [], startsInside: false },
      calls: "json",
      tools: [{ name: "any_tool", parameters: {} }],
      callId: () => `c${++ordinal}`,
    });
    const out = new EventBuilder();
    expect(parser.fault).toBeUndefined();
    parser.feed(`${block('{"name":"w","arguments":{"a":"say "hi""}}')}after`, out);
    parser.end(out, false);
    expect(parser.fault).toBe("the model wrote arguments for 'w' that are not valid JSON");
    const said = out.take().map((event) => ("args" in event ? event.args : "text" in event ? event.text : ""));
    expect(said.join("")).toBe('{"a": "say "after');
  });
});
