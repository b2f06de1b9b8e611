import { describe, expect, test } from "vitest";
import { fault, rows, type Setting } from "./fold.ts";

const tools = [
  {
    name: "bash",
    parameters: {
      type: "object",
      properties: { command: { type: "string" }, tags: { type: "array", items: { type: "string" } } },
    },
  },
];
const token = "]<]minimax[>[";
const m2body = '<invoke name="bash">\n<parameter name="command">ls</parameter>\n</invoke>';
const bareBody = '<invoke name="bash"><command>ls</command></invoke>';
const m3body = bareBody.replaceAll("<", `${token}<`);
const called = ["call", "bash", '{"command": "ls"}'];

describe.each(["m2", "m3"] as const)("calls under the name of %s", (calls) => {
  const setting: Setting = { calls, tools, tags: ["think", "mm:think"] };

  const shapes: [string, string][] = [
    ["M2", `<minimax:tool_call>\n${m2body}\n</minimax:tool_call>`],
    ["M2 without its block", m2body],
    ["M2 without its block's start", `${m2body}\n</minimax:tool_call>`],
    ["M2 without its block's end", `<minimax:tool_call>\n${m2body}`],
    ["M2 in the block of M3", `<tool_call>\n${m2body}\n</tool_call>`],
    ["M3", `${token}<tool_call>\n${m3body}\n${token}</tool_call>`],
    ["M3 without its block", m3body],
    ["M3 without its block's start", `${m3body}\n${token}</tool_call>`],
    ["M3 without its block's end", `${token}<tool_call>${m3body}`],
    ["M3 without its tokens", `<tool_call>\n${bareBody}\n</tool_call>`],
    ["M3 without tokens and block", bareBody],
    ["M3 without tokens in its call", `${token}<tool_call>${bareBody}</tool_call>`],
    ["JSON of M1", '<tool_calls>\n{"name": "bash", "arguments": {"command": "ls"}}\n</tool_calls>'],
    ["JSON", '<tool_call>{"name": "bash", "arguments": {"command": "ls"}}</tool_call>'],
  ];

  test.each(shapes)("%s", (_, text) => {
    expect(rows(`Ok.\n${text}\nDone.`, setting)).toEqual([["text", "Ok."], called, ["text", "Done."]]);
  });

  test.each(shapes)("%s is text where no tool is declared, whole and truncated, in reasoning too", (_, text) => {
    const quoted = `Ok.\n${text}\nDone.`;
    const none = { ...setting, tools: [] };
    expect(rows(quoted, none)).toEqual([["text", quoted]]);
    expect(rows(text.slice(0, -20), none)).toEqual([["text", text.slice(0, -20)]]);
    expect(fault([text.slice(0, -20)], none)).toBeUndefined();
    expect(rows(quoted, { ...none, inside: true })).toEqual([["reasoning", quoted]]);
  });

  test("M3's invoke within a line", () => {
    expect(rows(`Ok.${m3body}`, setting)).toEqual([["text", "Ok."], called]);
  });

  test("two bare calls, and arguments in nested tags", () => {
    const list = '<invoke name="bash"><tags><item>a</item><item>b</item></tags></invoke>';
    expect(rows(`${m2body}\n${m2body}`, setting)).toEqual([called, called]);
    expect(rows(`${bareBody}\n${list}`, setting)).toEqual([called, ["call", "bash", '{"tags": ["a", "b"]}']]);
  });

  test("a string keeps its own tags", () => {
    const text = '<invoke name="bash"><command><b>x</b></command></invoke>';
    expect(rows(text, setting)).toEqual([["call", "bash", '{"command": "<b>x</b>"}']]);
  });

  test.each([
    ["within a line", `Write ${m2body}`],
    ["of no declared tool", m2body.replace("bash", "other")],
    ["in code", `\`\`\`\n${m2body}\n\`\`\``],
    ["JSON of no declared tool", '<tool_call>{"name": "other", "arguments": {}}</tool_call>'],
    ["JSON within a line", 'So: <tool_call>{"name": "bash", "arguments": {}}</tool_call>'],
    ["words", "The <invoke> tag, <tool_call> and <tool_calls> too.\n<invoke name=x"],
  ])("bare markup %s is text", (_, text) => {
    expect(rows(text, setting)).toEqual([["text", text]]);
  });
});
