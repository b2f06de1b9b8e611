import { expect, test } from "vitest";
import type { Item } from "../../../src/model/item.ts";
import { parse, refusal } from "./support.ts";

const user = { role: "user", content: "hi" };
const called = (...ids: string[]): object => ({
  role: "assistant",
  content: null,
  tool_calls: ids.map((id) => ({ id, type: "function", function: { name: "f", arguments: "{}" } })),
});
const told = (id: string, content: unknown = "ok"): object => ({ role: "tool", tool_call_id: id, content });
const named = (args: unknown): object => ({
  role: "assistant",
  tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: args } }],
});

interface Row {
  name: string;
  change: Record<string, unknown>;
  /** The vendor's text; the envelope puts `invalid params, ` before it and ` (2013)` after it. */
  message: string;
  strict?: boolean;
}

/** The vendor's catalogue of 2013 messages, one row each. */
const rows: Row[] = [
  {
    name: "several system messages, M2",
    change: {
      model: "MiniMax-M2.7",
      messages: [{ role: "system", content: "a" }, { role: "system", content: "b" }, user],
    },
    message: "invalid chat setting",
    strict: true,
  },
  {
    name: "system not first, M2",
    change: { model: "MiniMax-M2.7", messages: [user, { role: "system", content: "a" }] },
    message: "chat content has invalid message role: system",
    strict: true,
  },
  {
    name: "developer role",
    change: { messages: [{ role: "developer", content: "a" }, user] },
    message: "invalid role: developer",
    strict: true,
  },
  {
    name: "unknown role",
    change: { messages: [{ role: "narrator", content: "a" }] },
    message: "invalid role: narrator",
  },
  { name: "no messages", change: { messages: [] }, message: "chat content is empty" },
  {
    name: "nothing but empty content",
    change: { messages: [{ role: "user", content: "" }] },
    message: "chat content is empty",
  },
  {
    name: "empty assistant text beside calls",
    change: { messages: [user, { ...called("c1"), content: "" }, told("c1")] },
    message: "chat content is empty",
    strict: true,
  },
  {
    name: "empty tool result",
    change: { messages: [user, called("c1"), told("c1", "")] },
    message: "chat content is empty",
    strict: true,
  },
  {
    name: "unknown id",
    change: { messages: [user, called("c1"), told("c2")] },
    message: "tool result's tool id(c2) not found",
  },
  {
    name: "result without any call",
    change: { messages: [user, told("c1")] },
    message: "tool call result does not follow tool call",
  },
  {
    name: "result after something else",
    change: { messages: [user, called("c1"), told("c1"), user, told("c1")] },
    message: "tool call result does not follow tool call",
  },
  {
    name: "partly answered",
    change: { messages: [user, called("c1", "c2"), told("c1"), user] },
    message: "tool call result does not follow tool call, tool_call_id: c2 has no result",
  },
  {
    name: "partly answered at the end",
    change: { messages: [user, called("c1", "c2"), told("c1")] },
    message: "tool call result does not follow tool call, tool_call_id: c2 has no result",
  },
  {
    name: "unanswered at the end",
    change: { messages: [user, called("c1")] },
    message: "tool call result does not follow tool call, tool_call_id: c1 has no result",
  },
  {
    name: "arguments not JSON",
    change: { messages: [user, named("{bad"), told("c1")] },
    message: "invalid function arguments json string, tool_call_id: c1",
  },
  {
    name: "arguments as an object",
    change: { messages: [user, named({ a: 1 }), told("c1")] },
    message: "invalid function arguments json string, tool_call_id: c1",
  },
  {
    name: "arguments of another JSON type",
    change: { messages: [user, named("[1]"), told("c1")] },
    message: "invalid function arguments json string, tool_call_id: c1",
  },
  {
    name: "empty arguments",
    change: { messages: [user, named(""), told("c1")] },
    message: "invalid function arguments json string, tool_call_id: c1",
    strict: true,
  },
  {
    name: "tool without a name",
    change: { tools: [{ type: "function", function: { name: "", parameters: { type: "object" } } }] },
    message: "function name or parameters is empty",
  },
  {
    name: "tool without parameters",
    change: { tools: [{ type: "function", function: { name: "a" } }] },
    message: "function name or parameters is empty",
    strict: true,
  },
  {
    name: "tool with empty parameters",
    change: { tools: [{ type: "function", function: { name: "a", parameters: {} } }] },
    message: "function name or parameters is empty",
    strict: true,
  },
  {
    name: "flat tool",
    change: { tools: [{ type: "function", name: "a", parameters: {} }] },
    message: "invalid tool type: ",
  },
  { name: "tool without type", change: { tools: [{ function: { name: "a" } }] }, message: "invalid tool type: " },
  {
    name: "tool of another type",
    change: { tools: [{ type: "web_search" }] },
    message: "invalid tool type: web_search",
  },
  {
    name: "audio",
    change: { messages: [{ role: "user", content: [{ type: "input_audio", input_audio: {} }] }] },
    message: "history message not support audio",
  },
  {
    name: "thinking enabled",
    change: { thinking: { type: "enabled" } },
    message: `invalid thinking.type: "enabled" (allowed: adaptive, disabled)`,
  },
  {
    name: "21 videos",
    change: { messages: [{ role: "user", content: media("video_url", 21) }] },
    message: "the num of video is larger than the limit: 20",
  },
  {
    name: "201 images",
    change: { messages: [{ role: "user", content: media("image_url", 201) }] },
    message: "the num of image is larger than the limit: 200",
  },
];

function media(type: string, count: number): unknown[] {
  return Array.from({ length: count }, () => ({ type, [type]: { url: "https://example.com/a" } }));
}

test.each(rows)("$name", ({ change, message, strict }) => {
  expect(refusal(change, { strict: strict ?? false })).toMatchObject({ kind: "invalid", message });
});

test.each(rows.filter((row) => row.strict))("$name: taken by default", ({ change }) => {
  expect(parse(change).request.items.length).toBeGreaterThan(0);
});

test.each([
  ["calls over several assistant messages", [user, called("a"), called("b"), told("b"), told("a"), user]],
  ["the same id in a later turn", [user, called("c"), told("c"), called("c"), told("c")]],
  ["two calls with one id", [user, called("c", "c"), told("c"), told("c")]],
  ["ends with an assistant", [user, { role: "assistant", content: "so" }]],
  [
    "two assistants in a row",
    [user, { role: "assistant", content: "so" }, { role: "assistant", content: "well" }, user],
  ],
  ["tools that were never declared", [user, called("c"), told("c")]],
  ["a result of 50,000 characters", [user, called("c"), told("c", "长".repeat(50_000))]],
  ["a result in parts", [user, called("c"), told("c", [{ type: "text", text: "sunny" }])]],
  ["a result without content", [user, called("c"), { role: "tool", tool_call_id: "c" }]],
])("%s is fine", (_name, messages) => {
  expect(parse({ messages }).request.items.length).toBeGreaterThan(1);
});

test("an object as tool content is refused", () => {
  expect(refusal({ messages: [user, called("c"), told("c", { a: 1 })] }).param).toBe("messages[2].content");
});

test("system voices keep their order and ranks; a name stays", () => {
  const messages = [
    { role: "root", content: "1" },
    { role: "system", content: "2" },
    { role: "developer", content: "3" },
    { role: "system", content: null },
    user,
    { role: "system", content: "4" },
  ];
  const shown = parse({ messages }).request.items.map((item) => (item.type === "message" ? item.role : item.type));
  expect(shown).toEqual(["root", "system", "developer", "user", "system"]);
});

/** Reasoning as clients send it back; what the items must be. */
const reasoning = (text: string): Item => ({ type: "reasoning", text });
const said = (text: string): Item => ({
  type: "message",
  role: "assistant",
  parts: text === "" ? [] : [{ type: "text", text }],
});
const detail = { type: "reasoning.text", id: "reasoning-text-1", format: "MiniMax-response-v1", index: 0, text: "why" };
const reasoningForms: [string, Record<string, unknown>, Item[]][] = [
  ["inline", { content: "<think>\nwhy\n</think>\nso" }, [reasoning("why"), said("so")]],
  ["inline, model's newline kept", { content: "<think>\nwhy\n</think>\n\nso" }, [reasoning("why"), said("\nso")]],
  ["mm:think", { content: "<mm:think>why</mm:think>so" }, [reasoning("why"), said("so")]],
  ["never closed", { content: "<think>why" }, [reasoning("why"), said("")]],
  ["never opened", { content: "why\n</think>\n\nso" }, [reasoning("why"), said("\nso")]],
  ["a stray close", { content: "</think>\nso" }, [said("so")]],
  [
    "two blocks",
    { content: "<think>\na\n</think>\n<think>\nb\n</think>\nso" },
    [reasoning("a"), reasoning("b"), said("so")],
  ],
  ["empty block", { content: "<think>\n\n</think>\nso" }, [said("so")]],
  [
    "text that only speaks of tags",
    { content: "Use `<think>` and `</think>` tags." },
    [said("Use `<think>` and `</think>` tags.")],
  ],
  ["reasoning_content", { content: "so", reasoning_content: "why" }, [reasoning("why"), said("so")]],
  ["reasoning_details", { content: "so", reasoning_details: [detail] }, [reasoning("why"), said("so")]],
  [
    "text-only details",
    { content: "so", reasoning_details: [{ text: "wh" }, { text: "y" }] },
    [reasoning("why"), said("so")],
  ],
  [
    "both fields",
    { content: "so", reasoning_content: "why", reasoning_details: [detail] },
    [reasoning("why"), said("so")],
  ],
  [
    "field and inline say the same",
    { content: "<think>\nwhy\n</think>\nso", reasoning_content: "why" },
    [reasoning("why"), said("so")],
  ],
  [
    "field and inline differ",
    { content: "<think>b</think>so", reasoning_content: "a" },
    [reasoning("a"), reasoning("b"), said("so")],
  ],
  ["reasoning, as other servers name it", { content: "so", reasoning: "why" }, [reasoning("why"), said("so")]],
  ["null fields", { content: "so", reasoning_content: null, reasoning_details: null }, [said("so")]],
  [
    "in parts",
    {
      content: [
        { type: "text", text: "<think>\nwhy\n</think>\n" },
        { type: "text", text: "so" },
      ],
    },
    [reasoning("why"), said("so")],
  ],
];
test.each(reasoningForms)("history reasoning: %s", (_name, message, items) => {
  expect(parse({ messages: [user, { role: "assistant", ...message }] }).request.items.slice(1)).toEqual(items);
});

test("reasoning, text and calls of one message unfold in order; a bare newline before calls is no text", () => {
  const call = { id: "c", type: "function", function: { name: "f", arguments: '{"a": 1}' } };
  const items = (content: string): Item[] =>
    [...parse({ messages: [user, { role: "assistant", content, tool_calls: [call] }, told("c")] }).request.items].slice(
      1,
    );
  const rest = [
    { type: "call", id: "c", name: "f", args: '{"a": 1}' },
    { type: "result", id: "c", parts: [{ type: "text", text: "ok" }], failed: false },
  ];
  expect(items("<think>\nwhy\n</think>\n\n")).toEqual([reasoning("why"), ...rest]);
  expect(items("<think>\nwhy\n</think>\nso")).toEqual([reasoning("why"), said("so"), ...rest]);
});

test("M2.5's two newlines after its tag belong to the tag", () => {
  const messages = [user, { role: "assistant", content: "<think>why</think>\n\nso" }];
  expect(parse({ model: "MiniMax-M2.5", messages }).request.items.slice(1)).toEqual([reasoning("why"), said("so")]);
});

test("an assistant's parts hold no more together than one text may: they are read as one", () => {
  const part = { type: "text", text: "x".repeat(6 * 1024 * 1024) };
  const messages = [user, { role: "assistant", content: [part, part] }, user];
  const refused = refusal({ messages }, { contextWindow: () => 100_000_000 });
  expect(refused.param).toBe("messages[1].content");
  expect(refused.message).toContain("must have at most 10485760 characters, not 12582912");
});
