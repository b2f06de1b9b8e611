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
    ["M3 without its tokens in the block of M2", `<minimax:tool_call>\n${bareBody}\n</minimax:tool_call>`],
    ["M3 in the block of M2", `<minimax:tool_call>\n${m3body}\n</minimax:tool_call>`],
    [
      "M3's arguments in a call of M2",
      `<minimax:tool_call><invoke name="bash">${token}<command>ls${token}</command></invoke></minimax:tool_call>`,
    ],
    [
      "M3 without tokens but at the call",
      `${token}<tool_call>${token}<invoke name="bash">\n<command>ls</command>\n${token}</invoke>${token}</tool_call>`,
    ],
    ["JSON of M1", '<tool_calls>\n{"name": "bash", "arguments": {"command": "ls"}}\n</tool_calls>'],
    [
      "JSON in the block of M2",
      '<minimax:tool_call>{"name": "bash", "arguments": {"command": "ls"}}</minimax:tool_call>',
    ],
    [
      "JSON in the block of M3",
      `${token}<tool_call>\n[{"name": "bash", "arguments": {"command": "ls"}}]\n${token}</tool_call>`,
    ],
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

  test("a block of M2 that holds calls in M3's form, of any tool", () => {
    const other = '<invoke name="other"><n>1</n></invoke>';
    const text = `<minimax:tool_call>\n${bareBody}\n${other}\n</minimax:tool_call>`;
    expect(rows(text, setting)).toEqual([called, ["call", "other", '{"n": 1}']]);
    expect(fault(['<minimax:tool_call><invoke name="bash"><command>ls'], setting)).toBe(
      "the model's call of 'bash' broke off before its end",
    );
  });

  test.each([
    ["in a block", `${token}<tool_call>${token}<command>ls${token}</command>${token}</tool_call>`],
    ["alone", `${token}<command>ls${token}</command>`],
    ["behind a call", m3body.replace(`${token}</invoke>`, `${token}</invoke>${token}<tags>x${token}</tags>`)],
    ["truncated", `${token}<tool_call>\n${token}<command>ls`],
  ])("M3's arguments without a call are a fault, and no text: %s", (_, text) => {
    expect(fault([text], setting)).toBe("the model wrote arguments of a call without the name of its tool");
    expect(fault(text, setting)).toBe(fault([text], setting));
    expect(rows(`Ok.\n${text}`, setting).filter(([type]) => type === "text")).toEqual([["text", "Ok."]]);
  });

  test.each([
    ["words", "list the files"],
    ["JSON", '{"command": "ls"}'],
    ["a parameter of M2", '<parameter name="command">ls</parameter>'],
    ["a parameter of M2 with tokens", `${token}<parameter name="command">ls${token}</parameter>`],
    ["both forms", `${token}<tags>a${token}</tags>${token}<parameter name="command">ls${token}</parameter>`],
  ])("a call of M3 that holds %s is a fault", (_, body) => {
    const text = `${token}<tool_call>${token}<invoke name="bash">${body}${token}</invoke>${token}</tool_call>`;
    expect(fault([text], setting)).toBe("the model wrote arguments for 'bash' in a form that is not known");
    expect(fault(text, setting)).toBe(fault([text], setting));
  });

  test("arguments without a call are text in code", () => {
    const text = `\`\`\`\n<minimax:tool_call>\n<parameter name="command">\n\`\`\`\nand \`${token}<command>\`.`;
    expect(rows(text, setting)).toEqual([["text", text]]);
  });

  test.each([
    `${token}<tool_call>\n${token}<invoke na`,
    `${token}<tool_call>\n`,
    `${token}<invoke`,
    `${token}<comma`,
    "<minimax:tool_call>",
    "<minimax:tool_call>\n<invoke na",
    '<minimax:tool_call>\n{"na',
    "<tool_call>\n",
    '<tool_call>\n{"na',
    '<invoke name="ba',
    '<invoke name="bash">',
    "<minimax:tool_call>\n<para",
  ])("an answer that ends in %j shows no markup: a fault unless the token limit did it", (end) => {
    const text = `Ok.\n${end}`;
    expect(rows(text, setting)).toEqual([["text", "Ok."]]);
    expect(rows(text, { ...setting, cut: true })).toEqual([["text", "Ok."]]);
    expect(fault([text], { ...setting, cut: true })).toBeUndefined();
    expect(fault([text], setting)).toBe("the model began a call that broke off before the name of its tool");
    expect(fault(text, setting)).toBe(fault([text], setting));
  });

  test.each([
    [m2body, "\n<invoke na"],
    [
      `${token}<tool_call>${token}<invoke name="bash">${token}<command>ls${token}</command>${token}</invoke>`,
      `${token}<invoke na`,
    ],
  ])("a second call behind %j that has no name is a fault", (first, second) => {
    const text = first.replace("\n</minimax:tool_call>", "") + second;
    expect(rows(text, setting)).toEqual([called]);
    expect(fault([text], { ...setting, cut: true })).toBeUndefined();
    expect(fault([text], setting)).toBe("the model began a call that broke off before the name of its tool");
  });

  test.each([
    ["a token", token, "Ok."],
    ["a token and a part of a closing tag", `${token}</tool`, "Ok."],
    ["a tag in a line of prose", " Write <tool_call>", "Ok. Write <tool_call>"],
    ["a tag of another tool", '\n<invoke name="other">', 'Ok.\n<invoke name="other">'],
    ["a tag in a code block", "\n```\n<minimax:tool_call>", "Ok.\n```\n<minimax:tool_call>"],
  ])("an answer that ends in %s is whole", (_, end, shown) => {
    expect(rows(`Ok.${end}`, setting)).toEqual([["text", shown]]);
    expect(fault([`Ok.${end}`], setting)).toBeUndefined();
  });

  test.each(["<minimax:tool_call>", `${token}<tool_call>`])("JSON without a name in %s is a fault", (tag) => {
    const text = `Ok.\n${tag}{"command": "ls"}${tag.replace("<t", "</t").replace("<m", "</m")} Done.`;
    expect(rows(text, setting)).toEqual([["text", "Ok."], ["text", " Done."]]); // prettier-ignore
    expect(fault([text], setting)).toBe("the model wrote arguments of a call without the name of its tool");
  });

  test("a closing tag in prose behind bare calls is text", () => {
    expect(rows(`${bareBody}</div> is it.`, setting)).toEqual([called, ["text", "</div> is it."]]);
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
