import { describe, expect, test } from "vitest";
import type { ToolDefinition } from "../../../src/model/request.ts";
import { fault, parsed, rows, type Setting } from "./fold.ts";

const token = "]<]minimax[>[";
const tool: ToolDefinition = {
  name: "read_file",
  parameters: {
    type: "object",
    properties: {
      path: { type: "string" },
      start_line: { type: "integer" },
      force: { type: "boolean" },
      tags: { type: "array", items: { type: "string" } },
      grid: { type: "array", items: { type: "array", items: { type: "number" } } },
      pair: { type: "array", prefixItems: [{ type: "string" }, { type: "integer" }] },
      place: {
        type: "object",
        properties: { city: { type: "string" }, zip: { type: ["string", "null"] }, point: { $ref: "#/$defs/point" } },
        additionalProperties: { type: "integer" },
      },
      either: { oneOf: [{ type: "array", items: { type: "integer" } }, { type: "integer" }] },
      shapes: {
        type: "array",
        items: { anyOf: [{ $ref: "#/$defs/point" }, { type: "object", properties: { label: { type: "string" } } }] },
      },
      maybe: { anyOf: [{ type: "number" }, { type: "null" }] },
      level: { enum: [1, 2, 3] },
    },
    $defs: { point: { type: "object", properties: { x: { type: "number" }, y: { type: "number" } } } },
  },
};
const m3: Setting = { tags: ["mm:think"], calls: "m3", tools: [tool] };

/** Writes `<a>` as the model does: the token before each tag. */
function marked(xml: string): string {
  return xml.replace(/<(?=[/\p{L}])/gu, `${token}<`);
}
function block(body: string, name = "read_file"): string {
  return marked(`<tool_call>\n<invoke name="${name}">${body}</invoke>\n</tool_call>`);
}
function args(body: string): string {
  const found = rows(block(body), m3);
  expect(found).toHaveLength(1);
  return found[0]?.[2] ?? "";
}

describe("M3 calls", () => {
  test("the template's example", () => {
    expect(parsed([block("<path>C:\\x\\main.rs</path><start_line>130</start_line>")], m3)).toEqual([
      {
        type: "call",
        id: "c1",
        name: "read_file",
        args: '{"path": "C:\\\\x\\\\main.rs", "start_line": 130}',
        done: true,
      },
    ]);
  });

  test.each([
    ["", "{}"],
    ["<path></path>", '{"path": ""}'],
    ["<path>\n a\n</path>", '{"path": "\\n a\\n"}'],
    ["<path>null</path>", '{"path": null}'],
    ["<force>true</force>", '{"force": true}'],
    ["<level>2</level>", '{"level": 2}'],
    ['<tags><item>a</item><item>b, "c"</item></tags>', '{"tags": ["a", "b, \\"c\\""]}'],
    ["<tags></tags>", '{"tags": []}'],
    ["<tags>\n</tags>", '{"tags": []}'],
    ['<tags>["a","b"]</tags>', '{"tags": ["a", "b"]}'],
    ["<tags><tag>1</tag></tags>", '{"tags": ["1"]}'],
    ["<grid><item><item>1</item><item>2.5</item></item><item></item></grid>", '{"grid": [[1, 2.5], []]}'],
    ["<pair><item>1</item><item>1</item></pair>", '{"pair": ["1", 1]}'],
    [
      "<place>\n<city>Paris</city>\n<zip>75001</zip>\n<point><x>1</x><y>-2.50</y></point><floor>3</floor>\n</place>",
      '{"place": {"city": "Paris", "zip": "75001", "point": {"x": 1, "y": -2.5}, "floor": 3}}',
    ],
    ["<place></place>", '{"place": {}}'],
    ["<either>7</either>", '{"either": 7}'],
    ["<either><item>7</item></either>", '{"either": [7]}'],
    [
      "<shapes><item><x>1</x><y>2</y></item><item><label>7</label></item></shapes>",
      '{"shapes": [{"x": 1, "y": 2}, {"label": "7"}]}',
    ],
    ["<maybe>1.0</maybe>", '{"maybe": 1}'],
    ["<new>12</new>", '{"new": 12}'],
    ["<new>twelve</new>", '{"new": "twelve"}'],
    ["<new><item>1</item><item>a</item></new>", '{"new": [1, "a"]}'],
    ["<new><a>1</a><b><c>x</c></b></new>", '{"new": {"a": 1, "b": {"c": "x"}}}'],
    ["<路径>文件🙂</路径>", '{"路径": "文件🙂"}'],
  ])("a body of %s", (body, expected) => {
    expect(args(body)).toBe(expected);
  });

  test("brackets and bare tags in text stay text", () => {
    const content = `<div>]<] </path> ]<]minimax[>[ a[0]]</div>\n`;
    const text = `${token}<tool_call>${token}<invoke name="read_file">${token}<path>${content}${token}</path>${token}</invoke>${token}</tool_call>`;
    expect(rows(text, m3)).toEqual([["call", "read_file", JSON.stringify({ path: content }).replace(":", ": ")]]);
  });

  test("a foreign closing tag in text is text", () => {
    expect(args("<path>a</div>b</path>")).toBe(`{"path": "a${token}</div>b"}`);
  });

  test("spaces after the token, newlines around tags", () => {
    const text = block("\n<path>x</path>\n<tags>\n<item>a</item>\n</tags>\n").replaceAll(token, `${token} `);
    expect(rows(text, m3)).toEqual([["call", "read_file", '{"path": "x", "tags": ["a"]}']]);
  });

  test("parallel calls, undeclared tools, forgotten ends", () => {
    const text = marked(
      '<tool_call><invoke name="a"><n>1</n></invoke>\n<invoke name="b"><deep><n>1</deep><invoke name="c"></tool_call>',
    );
    expect(rows(text, m3)).toEqual([
      ["call", "a", '{"n": 1}'],
      ["call", "b", '{"deep": {"n": 1}}'],
      ["call", "c", "{}"],
    ]);
  });

  test("thought, text and calls in a row", () => {
    const call = block("<path>x</path>");
    expect(rows(`<mm:think>hm</mm:think>Look:\n${call}`, m3)).toEqual([
      ["reasoning", "hm"],
      ["text", "Look:"],
      ["call", "read_file", '{"path": "x"}'],
    ]);
    expect(rows(`</mm:think>\n${call}\n`, m3)).toEqual([["call", "read_file", '{"path": "x"}']]);
    expect(rows(`a${call}b</mm:think>c`, { ...m3, inside: true })).toEqual([
      ["reasoning", "a"],
      ["call", "read_file", '{"path": "x"}'],
      ["reasoning", "b"],
      ["text", "c"],
    ]);
  });

  test("leaked tokens are dropped from prose", () => {
    expect(rows(`a${token}b${token}</tool_call>c`, m3)).toEqual([["text", "abc"]]);
    expect(rows(`a${token}`, m3)).toEqual([["text", "a"]]);
    expect(rows(`a${token}`, { ...m3, calls: "none" })).toEqual([["text", `a${token}`]]);
    expect(rows(`\`${token}\``, m3)).toEqual([["text", `\`${token}\``]]);
  });

  test.each([
    ["<path>half a na", '{"path": "half a na'],
    ["<path>x</pa", '{"path": "x'],
    ["<path>x]", '{"path": "x]'],
    ["<path>x</path>", '{"path": "x"'],
    ["<path>x</path></invok", '{"path": "x"'],
    ["<path>x</path><start_line>12", '{"path": "x"'],
    ["<place><city>Par", '{"place": {"city": "Par'],
    ["<tags><item>a</item><item>b", '{"tags": ["a", "b'],
    ["<tags><item>a</item>", '{"tags": ["a"'],
    ["<path>", "{"],
    ["<pa", "{"],
  ])("a block truncated at %s stays as it is: a fault unless the token limit did it", (body, expected) => {
    const text = marked(`<tool_call>\n<invoke name="read_file">${body}`);
    expect(rows(text, { ...m3, cut: true })).toEqual([["call", "read_file", expected]]);
    expect(rows(text, m3)).toEqual([["call", "read_file", expected]]);
    expect(fault([text], { ...m3, cut: true })).toBeUndefined();
    expect(fault([text], m3)).toBe("the model's call of 'read_file' broke off before its end");
  });

  test.each(["</invoke>", "</tool_call>"])("a call that ends with %s alone is whole", (end) => {
    const text = marked(`<tool_call>\n<invoke name="read_file"><path>x</path>${end}`);
    expect(rows(text, m3)).toEqual([["call", "read_file", '{"path": "x"}']]);
    expect(fault([text], m3)).toBeUndefined();
  });

  test("an opening tag cut before its call is no text", () => {
    expect(rows(marked("Look.\n<tool_call>\n<invoke na"), { ...m3, cut: true })).toEqual([["text", "Look."]]);
  });
});
