import { expect, test } from "vitest";
import { documentedCards } from "../../../src/model/card.ts";
import { chatSurface } from "../../../src/surface/chat/index.ts";
import { context, parse, refusal } from "./support.ts";

const tool = { type: "function", function: { name: "now", parameters: { type: "object", properties: {} } } };
const other = { type: "function", function: { name: "then", parameters: { type: "object", properties: {} } } };

/** Body fields, and the field their refusal names. */
test.each([
  [{ model: undefined }, "model"],
  [{ model: 3 }, "model"],
  [{ model: "gpt-4" }, "model"],
  [{ messages: undefined }, "messages"],
  [{ messages: "hi" }, "messages"],
  [{ messages: ["hi"] }, "messages[0]"],
  [{ messages: [{ content: "hi" }] }, "messages[0].role"],
  [{ messages: [{ role: "user", content: 7 }] }, "messages[0].content"],
  [{ messages: [{ role: "user", content: [7] }] }, "messages[0].content[0]"],
  [{ messages: [{ role: "user", content: [{ text: "x" }] }] }, "messages[0].content[0].type"],
  [{ messages: [{ role: "user", content: [{ type: "text" }] }] }, "messages[0].content[0].text"],
  [{ messages: [{ role: "user", content: [{ type: "video" }] }] }, "messages[0].content[0].type"],
  [{ messages: [{ role: "user", content: "x", name: 1 }] }, "messages[0].name"],
  [{ messages: [{ role: "assistant", content: "x", tool_calls: {} }] }, "messages[0].tool_calls"],
  [{ messages: [{ role: "assistant", content: "x", reasoning_content: 1 }] }, "messages[0].reasoning_content"],
  [{ messages: [{ role: "assistant", content: "x", reasoning_details: 1 }] }, "messages[0].reasoning_details"],
  [{ messages: [{ role: "tool", content: "x" }] }, "messages[0].tool_call_id"],
  [{ stream: "true" }, "stream"],
  [{ stream: 1 }, "stream"],
  [{ stream_options: true }, "stream_options"],
  [{ stream_options: { include_usage: 1 } }, "stream_options.include_usage"],
  [{ reasoning_split: 1 }, "reasoning_split"],
  [{ reasoning_split: "true" }, "reasoning_split"],
  [{ thinking: true }, "thinking"],
  [{ thinking: { type: 1 } }, "thinking.type"],
  [{ thinking: { type: "enabled" } }, "thinking.type"],
  [{ temperature: "1" }, "temperature"],
  [{ temperature: -0.1 }, "temperature"],
  [{ temperature: 2.1 }, "temperature"],
  [{ temperature: 5 }, "temperature"],
  [{ top_p: 1.5 }, "top_p"],
  [{ top_p: -0.1 }, "top_p"],
  [{ max_tokens: 0 }, "max_tokens"],
  [{ max_tokens: -1 }, "max_tokens"],
  [{ max_tokens: 1.5 }, "max_tokens"],
  [{ max_tokens: "10" }, "max_tokens"],
  [{ max_tokens: 524_289 }, "max_tokens"],
  [{ max_completion_tokens: 524_289 }, "max_completion_tokens"],
  [{ model: "MiniMax-M2.7", max_tokens: 204_801 }, "max_tokens"],
  [{ n: 0 }, "n"],
  [{ n: 1.5 }, "n"],
  [{ n: 0 }, "n"],
  [{ stop: 3 }, "stop"],
  [{ stop: ["a", 3] }, "stop[1]"],
  [{ stop: Array.from({ length: 17 }, () => "x") }, "stop"],
  [{ seed: 1.5 }, "seed"],
  [{ seed: "1" }, "seed"],
  [{ tools: {} }, "tools"],
  [{ tools: [1] }, "tools[0]"],
  [{ tools: [{ type: "function", function: 1 }] }, "tools[0].function"],
  [{ tools: [{ type: "function", function: { name: 1 } }] }, "tools[0].function.name"],
  [{ tools: [{ type: "function", function: { name: "a", parameters: [] } }] }, "tools[0].function.parameters"],
  [{ tools: [{ type: "function", function: { name: "a", description: 1 } }] }, "tools[0].function.description"],
  [{ tool_choice: "maybe" }, "tool_choice"],
  [{ tool_choice: 1 }, "tool_choice"],
  [{ tool_choice: "required" }, "tool_choice"],
  [{ tool_choice: {} }, "tool_choice.type"],
  [{ tools: [tool], tool_choice: { type: "custom" } }, "tool_choice.type"],
  [{ tools: [tool], tool_choice: { type: "function" } }, "tool_choice.function"],
  [{ tools: [tool], tool_choice: { type: "function", function: { name: "x" } } }, "tool_choice.function.name"],
  [{ tools: [tool], tool_choice: { type: "allowed_tools" } }, "tool_choice.allowed_tools"],
  [
    { tools: [tool], tool_choice: { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [] } } },
    "tool_choice.allowed_tools.tools",
  ],
  [{ parallel_tool_calls: "yes" }, "parallel_tool_calls"],
  [{ response_format: "json" }, "response_format"],
  [{ response_format: { type: "xml" } }, "response_format.type"],
  [{ response_format: {} }, "response_format.type"],
  [{ response_format: { type: "json_schema" } }, "response_format.json_schema"],
  [{ response_format: { type: "json_schema", json_schema: { name: "x" } } }, "response_format.json_schema.schema"],
  [{ service_tier: "gold" }, "service_tier"],
])("%j is refused and names %s", (change, param) => {
  const error = refusal(change);
  expect(error.kind).toBe("invalid");
  expect(error.param).toBe(param);
});

test.each(["x", null, [], 3, undefined])("a body of %j is refused", (value) => {
  expect(() => parseRaw(value)).toThrow("the body must be a JSON object");
});

function parseRaw(value: unknown): unknown {
  return chatSurface().parse(value, context());
}

/** Fields and what the engine gets. */
test.each([
  [{}, { temperature: 1, topP: 0.95, stop: [] }],
  [{ model: "MiniMax-M2.7" }, { temperature: 1, topP: 0.9, stop: [] }],
  [{ model: "M2-her" }, { temperature: 1, topP: 0.95, stop: [], maxTokens: 2_048 }],
  [
    { model: "M2-her", max_completion_tokens: 9_999 },
    { temperature: 1, topP: 0.95, stop: [], maxTokens: 2_048 },
  ],
  [
    { model: "M2-her", max_tokens: 9 },
    { temperature: 1, topP: 0.95, stop: [], maxTokens: 9 },
  ],
  [
    { temperature: 0, top_p: 0 },
    { temperature: 0, topP: 1e-6, stop: [] },
  ],
  [
    { temperature: 2, top_p: 1 },
    { temperature: 2, topP: 1, stop: [] },
  ],
  [
    { temperature: null, top_p: null, stop: null, seed: null, n: null },
    { temperature: 1, topP: 0.95, stop: [] },
  ],
  [{ max_tokens: 524_288 }, { temperature: 1, topP: 0.95, stop: [], maxTokens: 524_288 }],
  [{ max_tokens: 512_000 }, { temperature: 1, topP: 0.95, stop: [], maxTokens: 512_000 }],
  [
    { max_tokens: 7, max_completion_tokens: 9 },
    { temperature: 1, topP: 0.95, stop: [], maxTokens: 9 },
  ],
  [
    { max_tokens: 999_999, max_completion_tokens: 9 },
    { temperature: 1, topP: 0.95, stop: [], maxTokens: 9 },
  ],
  [
    { model: "MiniMax-M2", max_tokens: 204_800 },
    { temperature: 1, topP: 0.9, stop: [], maxTokens: 204_800 },
  ],
  [
    { stop: "END", seed: -3, n: 1 },
    { temperature: 1, topP: 0.95, stop: ["END"], seed: -3 },
  ],
  [{ stop: ["a", "", "b"] }, { temperature: 1, topP: 0.95, stop: ["a", "b"] }],
  [{ stop: "" }, { temperature: 1, topP: 0.95, stop: [] }],
])("%j samples with %j", (change, sampling) => {
  expect(parse(change).request.sampling).toEqual(sampling);
});

test.each([
  ["MiniMax-M3", undefined, "adaptive"],
  ["MiniMax-M3", null, "adaptive"],
  ["MiniMax-M3", {}, "adaptive"],
  ["MiniMax-M3", { type: "adaptive" }, "adaptive"],
  ["MiniMax-M3", { type: "disabled" }, "off"],
  ["MiniMax-M2.7", undefined, "on"],
  ["MiniMax-M2.7", { type: "disabled" }, "on"],
  ["M2-her", undefined, "off"],
  ["M2-her", { type: "adaptive" }, "off"],
] as const)("%s with thinking %j: %s", (model, thinking, answerOptions) => {
  expect(parse({ model, thinking }).request.reasoning).toBe(answerOptions);
});

test.each([
  [undefined, "auto", ["now", "then"]],
  [null, "auto", ["now", "then"]],
  ["auto", "auto", ["now", "then"]],
  ["none", "none", ["now", "then"]],
  ["required", "required", ["now", "then"]],
  [{ type: "function", function: { name: "then" } }, { name: "then" }, ["now", "then"]],
  [allowed("auto", "now"), "auto", ["now"]],
  [allowed("required", "then", "now"), "required", ["now", "then"]],
])("tool_choice %j", (choice, toolChoice, names) => {
  const { request } = parse({ tools: [tool, other], tool_choice: choice });
  expect(request.toolChoice).toEqual(toolChoice);
  expect(request.tools.map((one) => one.name)).toEqual(names);
});

function allowed(mode: string, ...names: string[]): unknown {
  return {
    type: "allowed_tools",
    allowed_tools: { mode, tools: names.map((name) => ({ type: "function", function: { name } })) },
  };
}

test("parameters are the caller's own object: key order reaches the engine", () => {
  const text = `{"type":"object","required":["z","a"],"properties":{"z":{"type":"string"},"10":{},"a":{"enum":["b","a"]}}}`;
  const parameters = JSON.parse(text) as object;
  const { request } = parse({
    tools: [{ type: "function", function: { parameters, description: "d", name: "my-tool.v2" } }],
  });
  expect(request.tools[0]?.parameters).toBe(parameters);
  expect(request.tools).toEqual([
    { name: "my-tool.v2", description: "d", parameters, path: "tools[0].function.parameters" },
  ]);
});

const path = "response_format.json_schema.schema";

test.each([
  [{ type: "text" }, { type: "text" }],
  [null, { type: "text" }],
  [{ type: "json_object" }, { type: "json" }],
  [
    { type: "json_schema", json_schema: { name: "o", strict: true, schema: { type: "object" } } },
    { type: "schema", name: "o", strict: true, schema: { type: "object" }, path },
  ],
  [
    { type: "json_schema", json_schema: { schema: {} } },
    { type: "schema", strict: false, schema: {}, path },
  ],
])("response_format %j", (given, format) => {
  expect(parse({ response_format: given }).request.format).toEqual(format);
});

test("a strict tool's parameters of a wrong form are refused by their path; those of other tools are the model's to read", () => {
  const wrong = { type: "object", properties: { a: { type: "string", required: true } } };
  const tools = (strict?: boolean) => [tool, { type: "function", function: { name: "w", parameters: wrong, strict } }];
  const path = "tools[1].function.parameters.properties.a.required";
  expect(refusal({ tools: tools(true) })).toMatchObject({
    param: path,
    message: `${path}: must be an array of strings`,
  });
  expect(parse({ tools: tools() }).request.tools[1]?.parameters).toEqual(wrong);
  expect(parse({ tools: tools(false) }).request.tools[1]?.parameters).toEqual(wrong);
});

test("documented-as-ignored and unknown fields change nothing, whatever their type", () => {
  const ignored = {
    presence_penalty: "x",
    frequency_penalty: 9,
    logit_bias: [],
    logprobs: 1,
    top_logprobs: -1,
    reasoning_effort: "none",
    metadata: 1,
    user: {},
    store: false,
    function_call: "auto",
    functions: [1],
    audio: 1,
    prediction: 1,
    top_k: "x",
    prompt_cache_key: 5,
    extra_body: { a: 1 },
    __proto__: { stream: true },
  };
  expect(parse(ignored)).toEqual(parse());
});

test("service_tier, parallel_tool_calls, cache hints and stream fields arrive", () => {
  const { request, answerOptions } = parse(
    {
      service_tier: "priority",
      parallel_tool_calls: false,
      prompt_cache_key: "k",
      stream: true,
      stream_options: { include_usage: true },
    },
    { headers: { "x-session-affinity": "s" } },
  );
  expect(request).toMatchObject({ tier: "priority", parallelCalls: false, cacheKey: "k" });
  expect(answerOptions).toMatchObject({ stream: true, includeUsage: true, reasoningSplit: false, tier: "priority" });
  for (const name of ["x-session-affinity", "x-session-id", "session-id", "thread-id"]) {
    expect(parse({}, { headers: { [name]: "s" } }).request.cacheKey).toBe("s");
  }
  for (const service_tier of ["auto", "default", "flex", "scale", "fast"]) {
    expect(parse({ service_tier }).request.tier).toBe("standard");
    expect(refusal({ service_tier }, { strict: true }).param).toBe("service_tier");
  }
});

test("asking for JSON splits the reasoning off, unless the caller says otherwise", () => {
  const format = { response_format: { type: "json_object" } };
  expect(parse(format).answerOptions.reasoningSplit).toBe(true);
  expect(parse({ ...format, reasoning_split: false }).answerOptions.reasoningSplit).toBe(false);
  expect(parse({ response_format: { type: "text" } }).answerOptions.reasoningSplit).toBe(false);
});

test("a model's card may split the reasoning off, unless the caller says otherwise", () => {
  const [m3 = expect.fail("no card")] = documentedCards;
  const around = { card: () => ({ ...m3, reasoningSplit: true }) };
  expect(parse({}, around).answerOptions.reasoningSplit).toBe(true);
  expect(parse({ reasoning_split: null }, around).answerOptions.reasoningSplit).toBe(true);
  expect(parse({ reasoning_split: false }, around).answerOptions.reasoningSplit).toBe(false);
});

test("chunk sizes may be set per request; a wrong header is named", () => {
  const headers = (value: string): { headers: Record<string, string> } => ({ headers: { "x-parley-packet": value } });
  expect(parse({}, headers("min=1, max=300,wait=5")).answerOptions.chunkSize).toEqual({
    minChars: 1,
    maxChars: 300,
    maxWaitMs: 5,
  });
  expect(parse({}, headers("wait=0")).answerOptions.chunkSize).toMatchObject({ maxWaitMs: 0 });
  for (const bad of ["min", "min=-1", "max=0", "size=3", "min=30,max=20", "min=9999999"]) {
    expect(refusal({}, headers(bad)).param).toBe("x-parley-packet");
  }
});

test("deep nesting is refused, not followed", () => {
  const deep = JSON.parse(`${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`) as object;
  expect(refusal({ tools: [{ type: "function", function: { name: "a", parameters: deep } }] }).param).toBe(
    "tools[0].function.parameters",
  );
  const format = { type: "json_schema", json_schema: { name: "o", schema: deep } };
  expect(refusal({ response_format: format }).param).toBe("response_format.json_schema.schema");
});

/** What strict mode refuses and the default accepts. */
test.each([
  ["developer role", { messages: [{ role: "developer", content: "x" }] }, "invalid role: developer"],
  ["a role-play role on M3", { messages: [{ role: "group", content: "x" }] }, "invalid role: group"],
  [
    "a tool without parameters",
    { tools: [{ type: "function", function: { name: "a" } }] },
    "function name or parameters is empty",
  ],
  [
    "json_object on M3",
    { response_format: { type: "json_object" } },
    "response_format: MiniMax-M3 does not support json_object",
  ],
  ["OpenAI's own tier", { service_tier: "auto" }, "service_tier: must be standard or priority"],
  [
    "an empty user text",
    {
      messages: [
        { role: "user", content: "a" },
        { role: "user", content: "" },
      ],
    },
    "chat content is empty",
  ],
  [
    "a null user text",
    {
      messages: [
        { role: "user", content: "a" },
        { role: "user", content: null },
      ],
    },
    "chat content is empty",
  ],
])("strict refuses %s", (_what, change, message) => {
  expect(() => parse(change)).not.toThrow();
  const error = refusal(change, { strict: true });
  expect(error.message).toBe(message);
});

test("strict takes what the vendor takes", () => {
  const messages = [
    { role: "root", content: "top" },
    { role: "system", content: "one" },
    { role: "system", name: "MiniMax AI" },
    { role: "user", content: "hi" },
    {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: "{}" } }],
    },
    { role: "tool", tool_call_id: "c", content: null },
    { role: "assistant", content: "done" },
  ];
  expect(parse({ messages }, { strict: true }).request.items.map((item) => item.type)).toEqual([
    "message",
    "message",
    "message",
    "call",
    "result",
    "message",
  ]);
});

test("strict of a function is carried as it was said; the same tool twice is one", () => {
  const tool = (strict: unknown) => ({
    type: "function",
    function: { name: "f", parameters: { type: "object", properties: { a: {} } }, strict },
  });
  const strictOf = (...tools: unknown[]) => parse({ tools }).request.tools.map(({ strict }) => strict);
  expect([true, false, null].map((strict) => strictOf(tool(strict))[0])).toEqual([true, false, undefined]);
  expect(strictOf(tool(true), tool(true))).toEqual([true]);
  expect(strictOf(tool(true), tool(false))).toEqual([true, false]);
  expect(refusal({ tools: [tool("yes")] }).param).toBe("tools[0].function.strict");
});

test("a model is answered by the name its card has", () => {
  const card = { ...context().card("MiniMax-M3"), id: "Mine" };
  expect(parse({ model: "mine" }, { card: () => card }).request.model).toBe("Mine");
});

test("media in a tool's result become a line of text where the model cannot read them, unless strict", () => {
  const image = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } };
  const call = { id: "a", type: "function", function: { name: "f", arguments: "{}" } };
  const change = {
    model: "MiniMax-M2.7",
    messages: [
      { role: "user", content: "look" },
      { role: "assistant", tool_calls: [call] },
      { role: "tool", tool_call_id: "a", content: [image, { type: "file", file: {} }] },
    ],
  };
  expect(parse(change).request.items[2]).toMatchObject({
    parts: [
      { type: "text", text: "[image not shown: this model reads text only]" },
      { type: "text", text: "\n[file not shown: this model reads text only]" },
    ],
  });
  expect(refusal(change, { strict: true }).message).toContain("does not support image input");
  const said = { model: "MiniMax-M2.7", messages: [{ role: "user", content: [image] }] };
  expect(refusal(said).message).toContain("does not support image input");
});

test("bare base64 of a known format is a data URL, unless strict", () => {
  const change = (url: string) => ({
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }],
  });
  const jpeg = "/9j/4AAQSkZJRgABAQAAAQABAAD";
  expect(parse(change(jpeg)).request.items[0]).toMatchObject({
    parts: [{ media: { kind: "url", url: `data:image/jpeg;base64,${jpeg}` } }],
  });
  expect(refusal(change(jpeg), { strict: true }).param).toBe("messages[0].content[0].image_url.url");
  expect(refusal(change("cat.png")).param).toBe("messages[0].content[0].image_url.url");
});

test("an error body carries base_resp too", () => {
  const { body: shown } = chatSurface().error(refusal({ messages: [] }), "id");
  expect(shown).toMatchObject({
    error: { message: "invalid params, chat content is empty (2013)" },
    base_resp: { status_code: 2013, status_msg: "invalid params, chat content is empty" },
  });
});
