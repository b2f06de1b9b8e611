import { describe, expect, test } from "vitest";
import type { ToolDefinition } from "../../../src/model/request.ts";
import { fault, parsed, rows, type Setting } from "./fold.ts";

const anything = { type: "object", properties: {} };
const tool: ToolDefinition = {
  name: "save",
  parameters: {
    type: "object",
    properties: {
      path: { type: "string" },
      count: { type: "integer" },
      ratio: { type: "number" },
      force: { type: "boolean" },
      tags: { type: "array", items: { type: "string" } },
      detail: { type: "object" },
      maybe: { type: ["string", "null"] },
      either: { anyOf: [{ type: "integer" }, { type: "string" }] },
      pointed: { $ref: "#/$defs/size" },
    },
    $defs: { size: { type: "number" } },
  },
};
const m2: Setting = { calls: "m2", tools: [tool, { name: "search_web", parameters: anything }], tags: ["think"] };

function block(...invokes: string[]): string {
  return `<minimax:tool_call>\n${invokes.join("\n")}\n</minimax:tool_call>`;
}
function save(...pairs: [string, string][]): string {
  const body = pairs.map(([name, value]) => `<parameter name="${name}">${value}</parameter>\n`).join("");
  return block(`<invoke name="save">\n${body}</invoke>`);
}
function args(text: string, setting: Setting = m2): string {
  const found = rows(text, setting).find((row) => row[0] === "call");
  return found?.[2] ?? "no call";
}

describe("M2 calls", () => {
  test("the vendor's example: two invokes are parallel calls", () => {
    const text = block(
      '<invoke name="search_web">\n<parameter name="query_tag">["technology", "events"]</parameter>\n' +
        '<parameter name="query_list">["\\"OpenAI\\" \\"latest\\""]</parameter>\n</invoke>',
      '<invoke name="search_web">\n<parameter name="query_tag">["汉字"]</parameter>\n</invoke>',
    );
    expect(parsed([text], m2)).toEqual([
      {
        type: "call",
        id: "c1",
        name: "search_web",
        args: '{"query_tag": ["technology", "events"], "query_list": ["\\"OpenAI\\" \\"latest\\""]}',
        done: true,
      },
      { type: "call", id: "c2", name: "search_web", args: '{"query_tag": ["汉字"]}', done: true },
    ]);
  });

  test.each([
    ["path", "San Francisco, US", '{"path": "San Francisco, US"}'],
    ["path", "", '{"path": ""}'],
    ["path", "\nline\n", '{"path": "line"}'],
    ["path", "\n\nline\n\n", '{"path": "\\nline\\n"}'],
    ["path", "NULL", '{"path": null}'],
    ["path", "nullable", '{"path": "nullable"}'],
    ["path", "nul", '{"path": "nul"}'],
    ["path", "123", '{"path": "123"}'],
    ["path", 'a "b" \\ \t é 🙂', '{"path": "a \\"b\\" \\\\ \\t é 🙂"}'],
    ["path", "x &lt; y &amp; z", '{"path": "x &lt; y &amp; z"}'],
    ["path", "a </parameter> b", '{"path": "a </parameter> b"}'],
    ["path", "a </parameter>\n<param", '{"path": "a </parameter>\\n<param"}'],
    ["path", "<b>&</b> </invoke> <x", '{"path": "<b>&</b> </invoke> <x"}'],
    ["count", "42", '{"count": 42}'],
    ["count", "+007", '{"count": 7}'],
    ["count", "-0", '{"count": 0}'],
    ["count", "12345678901234567890", '{"count": 12345678901234567890}'],
    ["count", "3.0", '{"count": 3}'],
    ["count", "many", '{"count": "many"}'],
    ["ratio", "0.50", '{"ratio": 0.5}'],
    ["ratio", "2.0", '{"ratio": 2}'],
    ["ratio", "1e3", '{"ratio": 1000}'],
    ["ratio", "1e-7", '{"ratio": 1e-7}'],
    ["ratio", "inf", '{"ratio": "inf"}'],
    ["force", "True", '{"force": true}'],
    ["force", "1", '{"force": true}'],
    ["force", "no", '{"force": false}'],
    ["tags", '["a","b"]', '{"tags": ["a", "b"]}'],
    ["tags", "[a, b]", '{"tags": "[a, b]"}'],
    ["detail", '{"a":{"2":1,"1":[]},"b":"x,y:z"}', '{"detail": {"a": {"2": 1, "1": []}, "b": "x,y:z"}}'],
    ["detail", "{broken", '{"detail": "{broken"}'],
    ["maybe", "null", '{"maybe": null}'],
    ["maybe", "text", '{"maybe": "text"}'],
    ["either", "5", '{"either": 5}'],
    ["either", "five", '{"either": "five"}'],
    ["pointed", "1.5", '{"pointed": 1.5}'],
    ["unknown", "7", '{"unknown": 7}'],
    ["unknown", "seven", '{"unknown": "seven"}'],
    ["unknown", '{"a":1}', '{"unknown": {"a": 1}}'],
  ])("a value of %s: %j", (name, value, expected) => {
    expect(args(save([name, value]))).toBe(expected);
  });

  test("entities are decoded in names, never in values", () => {
    const text = save(["path", "a &lt;b&gt; &amp;amp; &other; &"]);
    expect(args(text)).toBe('{"path": "a &lt;b&gt; &amp;amp; &other; &"}');
    expect(rows(block('<invoke name="a&amp;b">', "</invoke>"), m2)).toEqual([["call", "a&b", "{}"]]);
  });

  test("undeclared tools pass through, no parameters are an empty object", () => {
    expect(rows(block('<invoke name="other">', "</invoke>"), m2)).toEqual([["call", "other", "{}"]]);
  });

  test("text around blocks stays text, white space alone does not", () => {
    const call = save(["count", "1"]);
    expect(rows(`Let me look.\n${call}\n\nDone.`, m2)).toEqual([
      ["text", "Let me look."],
      ["call", "save", '{"count": 1}'],
      ["text", "\nDone."],
    ]);
    expect(rows(`<think>\nhm\n</think>\n\n${call}\n\n${call}\n`, m2)).toEqual([
      ["reasoning", "hm"],
      ["call", "save", '{"count": 1}'],
      ["call", "save", '{"count": 1}'],
    ]);
  });

  test("calls inside thought are calls", () => {
    const call = save(["count", "1"]);
    expect(rows(`so\n${call}\nand on\n</think>\n\nyes`, { ...m2, inside: true })).toEqual([
      ["reasoning", "so"],
      ["call", "save", '{"count": 1}'],
      ["reasoning", "and on"],
      ["text", "\nyes"],
    ]);
  });

  test.each([
    ["forgotten </parameter>", '<invoke name="save">\n<parameter name="path">x\n</invoke>\n</minimax:tool_call>'],
    ["forgotten </invoke>", '<invoke name="save">\n<parameter name="path">x</parameter>\n</minimax:tool_call>'],
    ["single quotes", "<invoke name='save'><parameter name='path'>x</parameter></invoke></minimax:tool_call>"],
    ["forgotten block end", '<invoke name="save"><parameter name="path">x</parameter></invoke>'],
  ])("%s", (_, body) => {
    expect(rows(`<minimax:tool_call>\n${body}`, m2)).toEqual([["call", "save", '{"path": "x"}']]);
  });

  test("text behind a forgotten block end is text, and a late end tag is dropped", () => {
    const text = '<minimax:tool_call>\n<invoke name="save">\n</invoke>\nI wait.\n</minimax:tool_call>';
    expect(rows(text, m2)).toEqual([
      ["call", "save", "{}"],
      ["text", "I wait.\n"],
    ]);
  });

  test("tags that open no call are text", () => {
    for (const text of [
      "<minimax:tool_call> is a tag, <invoke> too",
      "a < b, <min, <minimax:tool_cal",
      '```xml\n<minimax:tool_call>\n<invoke name="example">\n</invoke>\n</minimax:tool_call>\n```',
    ]) {
      expect(rows(text, m2)).toEqual([["text", text]]);
    }
    expect(rows(save(["path", "x"]), { calls: "none" })[0]?.[0]).toBe("text");
  });

  test("a declared tool is called even inside a fence", () => {
    expect(rows(`\`\`\`xml\n${save(["path", "x"])}`, m2)[1]).toEqual(["call", "save", '{"path": "x"}']);
  });

  test.each([
    ['<parameter name="path">half a na', '{"path": "half a na'],
    ['<parameter name="path">x</param', '{"path": "x'],
    ['<parameter name="path">x</parameter>', '{"path": "x"'],
    ['<parameter name="path">x</parameter>\n<para', '{"path": "x"'],
    ['<parameter name="path">x</parameter>\n<parameter name="count">12', '{"path": "x"'],
    ['<parameter name="count">12</parameter>', '{"count": 12'],
    ['<parameter name="count">12</parameter>\n</invok', '{"count": 12'],
    ['<parameter name="tags">["a", "b', '{"tags": ["a", "b'],
    ['<parameter name="detail">{"a": 1, "b": tru', '{"detail": {"a": 1'],
    ['<parameter name="maybe">nul', '{"maybe": "nul'],
    ['<parameter name="unknown">sev', "{"],
    ["", "{"],
  ])("a block truncated at %j stays as it is: a fault unless the token limit did it", (body, expected) => {
    const text = `<minimax:tool_call>\n<invoke name="save">\n${body}`;
    expect(args(text, { ...m2, cut: true })).toBe(expected);
    expect(args(text)).toBe(expected);
    expect(fault([text], { ...m2, cut: true })).toBeUndefined();
    expect(fault([text], m2)).toBe("the model's call of 'save' broke off before its end");
  });

  test.each([
    '<parameter name="path">x</parameter>\n</invoke>',
    '<parameter name="path">x\n</invoke>',
    '<parameter name="path">x\n</invoke>\n</minimax:tool',
    '<parameter name="path">x</parameter>\n</minimax:tool_call>',
  ])("a call that ends as %j is whole", (body) => {
    const text = `<minimax:tool_call>\n<invoke name="save">\n${body}`;
    expect(args(text)).toBe('{"path": "x"}');
    expect(fault([text], m2)).toBeUndefined();
  });

  test("an opening tag cut before its call is no text", () => {
    expect(rows("Look.\n<minimax:tool_call>\n<invoke na", { ...m2, cut: true })).toEqual([["text", "Look."]]);
  });
});

test.each([
  ["words", "list the files", "save"],
  ["JSON", '{"path": "a.txt"}', "save"],
  ["tags with attributes", '<arg key="path">a.txt</arg>', "save"],
  ["nothing", "\n", undefined],
  ["words beside a parameter", `note <b>\n<parameter name="path">a</parameter>`, undefined],
])("a call whose arguments are %s is a fault where nothing was read of them", (_, body, tool) => {
  const text = block(`<invoke name="save">${body}</invoke>`);
  const expected = tool && `the model wrote arguments for '${tool}' in a form that is not known`;
  expect(fault([text], m2)).toBe(expected);
  expect(fault(text, m2)).toBe(expected);
});

test.each([
  ["a block", '<minimax:tool_call>\n<parameter name="path">a.txt</parameter>\n</minimax:tool_call>'],
  ["a parameter behind the call", block('<invoke name="save"></invoke>\n<parameter name="path">a.txt</parameter>')],
])("parameters without a call are a fault, and no text: %s", (_, text) => {
  const said = rows(`Ok.\n${text}\nDone.`, m2);
  expect(said.filter(([type]) => type === "text")).toEqual([
    ["text", "Ok."],
    ["text", "Done."],
  ]);
  expect(fault([text], m2)).toBe("the model wrote arguments of a call without the name of its tool");
});
