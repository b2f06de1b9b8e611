import { describe, expect, it, test } from "vitest";
import type { Item } from "../../../src/model/item.ts";
import { body, cipher, parse, refusal, sign, surface } from "./support.ts";
import { context } from "../chat/support.ts";

const user = (content: unknown): object => ({ role: "user", content });
const assistant = (content: unknown): object => ({ role: "assistant", content });
const call = { type: "tool_use", id: "toolu_1", name: "f", input: { a: 1 } };
const result = { type: "tool_result", tool_use_id: "toolu_1", content: "one" };
const says = (role: string, ...texts: string[]): object => ({
  type: "message",
  role,
  parts: texts.map((text) => ({ type: "text", text })),
});
const calls = { type: "call", id: "toolu_1", name: "f", args: '{"a":1}' };
const answered = { type: "result", id: "toolu_1", parts: [{ type: "text", text: "one" }], failed: false };

function items(messages: unknown[], change: Record<string, unknown> = {}): readonly Item[] {
  return parse({ messages, ...change }).request.items;
}

describe("what a request says", () => {
  it("stands for the documented defaults", () => {
    const { request, answerOptions } = parse();
    expect(request).toMatchObject({
      model: "MiniMax-M3",
      reasoning: "off",
      format: { type: "text" },
      tools: [],
      toolChoice: "auto",
      parallelCalls: true,
      tier: "standard",
    });
    expect(request.sampling).toEqual({ temperature: 1, topP: 0.95, stop: [] });
    expect(answerOptions).toMatchObject({ stream: false, omitsThinking: false });
  });

  it.each([
    [{ model: "MiniMax-M3[1m]" }, { model: "MiniMax-M3" }],
    [{ thinking: null }, { reasoning: "off" }],
    [{ thinking: { type: "disabled" } }, { reasoning: "off" }],
    [{ thinking: { type: "adaptive", display: "omitted" } }, { reasoning: "adaptive" }],
    [{ thinking: { type: "enabled", budget_tokens: 8192, display: "summarized" } }, { reasoning: "on" }],
    [{ model: "MiniMax-M2.7" }, { reasoning: "on" }],
    [{ model: "MiniMax-M2.7", thinking: { type: "disabled" } }, { reasoning: "on" }],
    [
      { max_tokens: 524_288, stop_sequences: ["a", ""] },
      { sampling: { temperature: 1, topP: 0.95, stop: ["a"], maxTokens: 524_288 } },
    ],
    [{ temperature: 2, top_p: 0, top_k: "ignored" }, { sampling: { temperature: 2, topP: 1e-6, stop: [] } }],
    [{ service_tier: "priority" }, { tier: "priority" }],
    [{ service_tier: "standard_only" }, { tier: "standard" }],
    [
      {
        metadata: { user_id: `{"device_id":"${"x".repeat(200)}"}` },
        context_management: 1,
        container: {},
        mcp_servers: "x",
      },
      {},
    ],
  ])("%j", (change, wanted) => {
    expect(parse(change).request).toMatchObject(wanted);
  });

  it("is sent to the replica of its session", () => {
    const headers = { "x-claude-code-session-id": "session-1" };
    expect(parse({}, { headers }).request.cacheKey).toBe("session-1");
  });

  it("may want a form", () => {
    const schema = { type: "object", properties: { city: { type: "string" } } };
    const wanted = { type: "schema", schema, strict: false };
    expect(
      parse({ output_config: { effort: "high", format: { type: "json_schema", schema } } }).request.format,
    ).toEqual({
      ...wanted,
      path: "output_config.format.schema",
    });
    expect(parse({ output_format: { type: "json_schema", schema } }).request.format).toEqual({
      ...wanted,
      path: "output_format.schema",
    });
  });
});

describe("tools", () => {
  const tool = { name: "f", description: "d", input_schema: { type: "object", $schema: "x" } };
  const search = { type: "web_search_20250305", name: "web_search" };

  it("are read without the marks of other services", () => {
    const marked = {
      ...tool,
      type: "custom",
      cache_control: { type: "ephemeral" },
      defer_loading: true,
      eager_input_streaming: true,
    };
    expect(parse({ tools: [marked, tool, search, { name: "g" }] }).request.tools).toEqual([
      { name: "f", description: "d", parameters: tool.input_schema, path: "tools.0.input_schema" },
      { name: "g", parameters: { type: "object", properties: {} }, path: "tools.3.input_schema" },
    ]);
  });

  it.each([
    [{ type: "auto" }, { toolChoice: "auto", parallelCalls: true }],
    [{ type: "none" }, { toolChoice: "none", parallelCalls: true }],
    [
      { type: "any", disable_parallel_tool_use: true },
      { toolChoice: "required", parallelCalls: false },
    ],
    [
      { type: "tool", name: "f" },
      { toolChoice: { name: "f" }, parallelCalls: true },
    ],
  ])("are chosen by %j", (choice, wanted) => {
    expect(parse({ tools: [tool], tool_choice: choice }).request).toMatchObject(wanted);
  });

  it.each([
    [{ tools: [search], tool_choice: { type: "any" } }, "tool_choice.type: any needs a tool that can be called"],
    [
      { tools: [tool, search], tool_choice: { type: "tool", name: "web_search" } },
      `tool_choice.name: no tool that can be called is named "web_search"`,
    ],
    [{ tools: [tool], tool_choice: { type: "tool" } }, "tool_choice.name: is required"],
    [{ tools: [tool], tool_choice: "auto" }, "tool_choice: must be an object"],
    [{ tools: [{ type: "bash_20250124", name: "bash" }] }, `tools.0.type: tool "bash_20250124" cannot be run here`],
    [{ tools: [{ input_schema: {} }] }, "tools.0.name: is required"],
    [{ tools: [tool, 1] }, "tools.1: must be an object"],
    [
      { tools: [{ ...tool, strict: true, input_schema: { type: 5 } }] },
      "tools.0.input_schema.type: must be one of null, boolean, object, array, number, integer, string",
    ],
  ])("%j is refused", (change, message) => {
    expect(refusal(change)).toMatchObject({ kind: "invalid", message });
  });

  it("are chosen in strict mode as the vendor documents it", () => {
    const change = { tools: [tool], tool_choice: { type: "any" } };
    expect(refusal(change, { strict: true }).message).toBe("tool_choice.type: must be one of auto, none");
  });
});

describe("a conversation", () => {
  it("begins with the system's blocks, without the client's accounting", () => {
    const system = [
      { type: "text", text: "x-anthropic-billing-header: cc_version=2.1.332;" },
      { type: "text", text: "One.", cache_control: { type: "ephemeral" } },
      { type: "text", text: "\nTwo." },
    ];
    expect(items([user("hi")], { system })).toEqual([says("system", "One.", "\nTwo."), says("user", "hi")]);
    const joined = "x-anthropic-billing-header: cc_version=2.1.332;\r\nBe brief.\nx-anthropic-billing-header: stays";
    expect(items([user("hi")], { system: joined })[0]).toEqual(
      says("system", "Be brief.\nx-anthropic-billing-header: stays"),
    );
    expect(items([user("hi")], { system: "Be brief." })[0]).toEqual(says("system", "Be brief."));
  });

  it("keeps system texts in their places", () => {
    const messages = [
      user([
        { type: "text", text: "a" },
        { type: "mid_conv_system", text: "b" },
        { type: "text", text: "c" },
      ]),
      { role: "system", content: "d" },
      { role: "system", content: [{ type: "text", text: "e" }] },
      user("f"),
    ];
    expect(items(messages)).toEqual([
      says("user", "a"),
      says("system", "b"),
      says("user", "c"),
      says("system", "d"),
      says("system", "e"),
      says("user", "f"),
    ]);
  });

  it("holds a system text back until the calls before it have their results", () => {
    const messages = [user("a"), assistant([call]), { role: "system", content: "s" }, user([result])];
    expect(items(messages)).toEqual([says("user", "a"), calls, answered, says("system", "s")]);
  });

  it("takes the calls of several messages of the assistant in a row", () => {
    const other = { type: "tool_use", id: "toolu_2", name: "g", input: {} };
    const messages = [
      user("a"),
      assistant([call]),
      { role: "system", content: "s" },
      assistant([other]),
      user([{ ...result, tool_use_id: "toolu_2" }, result]),
    ];
    expect(items(messages)).toEqual([
      says("user", "a"),
      calls,
      { type: "call", id: "toolu_2", name: "g", args: "{}" },
      { ...answered, id: "toolu_2" },
      answered,
      says("system", "s"),
    ]);
  });

  it("keeps thinking, text and calls in order, and results before what is said beside them", () => {
    const messages = [
      user("go"),
      assistant([
        { type: "thinking", thinking: "hm", signature: "anything" },
        { type: "redacted_thinking", data: "x" },
        { type: "text", text: "I look." },
        call,
        { type: "tool_use", id: "toolu_2", name: "g", input: {} },
      ]),
      user([
        { type: "text", text: "and then?" },
        { ...result, cache_control: { type: "ephemeral" } },
        { type: "tool_result", tool_use_id: "toolu_2", is_error: true, content: [{ type: "text", text: "no" }] },
      ]),
    ];
    expect(items(messages)).toEqual([
      says("user", "go"),
      { type: "reasoning", text: "hm" },
      says("assistant", "I look."),
      calls,
      { type: "call", id: "toolu_2", name: "g", args: "{}" },
      answered,
      { type: "result", id: "toolu_2", parts: [{ type: "text", text: "no" }], failed: true },
      says("user", "and then?"),
    ]);
  });

  it("gets back thinking that was sent without its text, from the signature and for its owner only", () => {
    const signature = cipher.ofOwner("key:1").encrypt("reasoning:a secret thought");
    const messages = [
      user("a"),
      assistant([
        { type: "thinking", thinking: "", signature },
        { type: "text", text: "b" },
      ]),
    ];
    const read = (owner: string): readonly Item[] =>
      surface.parse(body({ messages }), context({ owner })).request.items;
    expect(read("key:1")[1]).toEqual({ type: "reasoning", text: "a secret thought" });
    expect(read("key:2")).toEqual([says("user", "a"), says("assistant", "b")]);
    const plain = [
      user("a"),
      assistant([
        { type: "thinking", thinking: "", signature: sign("x") },
        { type: "text", text: "b" },
      ]),
    ];
    expect(items(plain)).toEqual([says("user", "a"), says("assistant", "b")]);
  });

  it("shows what a tool found, and a line for what the model cannot read", () => {
    const content = [
      { type: "tool_reference", tool_name: "WebFetch" },
      { type: "document", source: {} },
      { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } },
    ];
    const messages = [user("a"), assistant([call]), user([{ ...result, content }])];
    const [, , found] = items(messages, { model: "MiniMax-M2.7" });
    expect(found).toMatchObject({
      parts: [
        { text: "[tool WebFetch can be called now]" },
        { text: "\n[file not shown: this model reads text only]" },
        { text: "\n[image not shown: this model reads text only]" },
      ],
    });
    expect(items(messages)[2]).toMatchObject({ parts: [{}, {}, { type: "image" }] });
  });

  it("takes pictures by address and by their bytes, with options in the source", () => {
    const content = [
      { type: "image", source: { type: "url", url: "https://example.com/a.png", detail: "high" } },
      { type: "image", source: { type: "base64", media_type: "image/jpeg", data: "AAAA" } },
      { type: "video", source: { type: "url", url: "mm_file://12", fps: 0.5, max_long_side_pixel: 1008 } },
    ];
    expect(items([user(content)])).toEqual([
      {
        type: "message",
        role: "user",
        parts: [
          {
            type: "image",
            media: { kind: "url", url: "https://example.com/a.png" },
            detail: "high",
            param: "messages.0.content.0.source",
          },
          {
            type: "image",
            media: { kind: "url", url: "data:image/jpeg;base64,AAAA" },
            detail: "default",
            param: "messages.0.content.1.source",
          },
          {
            type: "video",
            media: { kind: "file", fileId: "12" },
            detail: "default",
            fps: 0.5,
            maxLongSide: 1008,
            param: "messages.0.content.2.source",
          },
        ],
      },
    ]);
  });
});

test.each([
  [{ messages: undefined }, "messages: is required"],
  [{ messages: [] }, "messages: must hold some content"],
  [{ messages: [user("")], system: "s" }, "messages: must hold some content"],
  [
    { messages: [{ role: "tool", content: "x" }] },
    "messages.0.role: must be one of user, assistant, system, user_system, group, sample_message_user, sample_message_ai",
  ],
  [
    { messages: [user([{ type: "text", text: "a" }, { type: "foo" }])] },
    "messages.0.content.1: unsupported content type 'foo'",
  ],
  [
    { messages: [user([{ type: "document", source: {} }])] },
    "messages.0.content.0: unsupported content type 'document'",
  ],
  [{ messages: [user([1])] }, "messages.0.content.0: must be an object"],
  [{ messages: [user(5)] }, "messages.0.content: must be an array"],
  [{ messages: [user([{ type: "image" }])] }, "messages.0.content.0.source: is required"],
  [
    { messages: [user([{ type: "image", source: { type: "file" } }])] },
    "messages.0.content.0.source.type: must be one of url, base64",
  ],
  [
    { messages: [user([{ type: "image", source: { type: "url", url: "ftp://x" } }])] },
    "messages.0.content.0.source.url: must be an http, https, data or mm_file URL",
  ],
  [
    { model: "MiniMax-M2.7", messages: [user([{ type: "image", source: { type: "url", url: "https://x.y/z" } }])] },
    "messages.0.content.0: MiniMax-M2.7 does not support image input",
  ],
  [{ messages: [assistant([{ ...call, input: "x" }])] }, "messages.0.content.0.input: must be an object"],
  [
    { messages: [assistant([call])] },
    "tool call result does not follow tool call, tool_call_id: toolu_1 has no result",
  ],
  [
    { messages: [assistant([call]), user("and?")] },
    "tool call result does not follow tool call, tool_call_id: toolu_1 has no result",
  ],
  [
    { messages: [assistant([call]), assistant([{ type: "text", text: "b" }]), user([result])] },
    "tool call result does not follow tool call, tool_call_id: toolu_1 has no result",
  ],
  [{ messages: [user([result])] }, "tool call result does not follow tool call"],
  [{ messages: [assistant([call]), user([{ ...result, tool_use_id: "x" }])] }, "tool result's tool id(x) not found"],
  [{ max_tokens: 0 }, "max_tokens: must be at least 1"],
  [{ max_tokens: 600_000 }, "max_tokens: must be at most 524288 for MiniMax-M3"],
  [{ temperature: 2.1 }, "temperature: must be between 0 and 2"],
  [{ top_p: -0.1 }, "top_p: must be between 0 and 1"],
  [{ stream: "yes" }, "stream: must be true or false"],
  [{ thinking: { type: "maybe" } }, "thinking.type: must be one of disabled, adaptive, enabled"],
  [{ thinking: {} }, "thinking.type: is required"],
  [{ service_tier: "best" }, "service_tier: must be standard or priority"],
  [{ system: [{ type: "image" }] }, "system.0.type: must be one of text, mid_conv_system"],
  [{ metadata: { user_id: 1 } }, "metadata.user_id: must be a string"],
  [{ output_config: { format: { type: "json" } } }, "output_config.format.type: must be one of json_schema"],
])("%j is refused by the path of the field", (change, message) => {
  expect(refusal(change)).toMatchObject({ kind: "invalid", message });
});

describe("what grows with the caller's blocks", () => {
  const many = (one: (index: number) => object): object[] => Array.from({ length: 2_000 }, (_, index) => one(index));
  const id = (index: number): object => ({ id: `c${index}` });

  it.each<[string, Record<string, unknown>]>([
    ["texts", { messages: [user(many(() => ({ type: "text", text: "a" })))] }],
    ["system texts", { system: many(() => ({ type: "text", text: "a" })) }],
    [
      "system texts of a message",
      { messages: [user("a"), { role: "system", content: many(() => ({ type: "text", text: "a" })) }] },
    ],
    ["thoughts", { messages: [user("a"), assistant(many(() => ({ type: "thinking", thinking: "a" })))] }],
    [
      "what a result holds",
      { messages: [assistant([call]), user([{ ...result, content: many(() => ({ type: "text", text: "a" })) }])] },
    ],
    [
      "members of a call's input",
      { messages: [assistant([{ ...call, input: { a: many(() => ({})) } }]), user([result])] },
    ],
    [
      "calls and results",
      {
        messages: [
          assistant(many((index) => ({ ...call, ...id(index) }))),
          user(many((index) => ({ ...result, tool_use_id: `c${index}` })).toReversed()),
        ],
      },
    ],
  ])("is read in steps: %s", (_name, change) => {
    let steps = 0;
    for (const reading = surface.parseSteps(body(change), context()); reading.next().done !== true;) steps += 1;
    expect(steps).toBeGreaterThan(3);
  });

  it("may be more than a call takes as arguments", () => {
    const system = { role: "system", content: "s" };
    const messages = [assistant([call]), ...Array.from({ length: 200_000 }, () => system), user([result])];
    expect(items(messages)).toHaveLength(200_002);
  });
});

test("an unknown model is not found", () => {
  expect(refusal({ model: "gpt-9" })).toMatchObject({ kind: "not-found", param: "model" });
});

test("a thread is refused so that the SDK sends whole histories", () => {
  const error = refusal({ thread: { type: "create" } });
  expect(surface.error(error, "id").body).toEqual({
    type: "error",
    request_id: "id",
    error: {
      type: "invalid_request_error",
      message: "thread: conversations are not kept here, send the whole history",
      details: { error_code: "thread_unsupported_request", unsupported: ["thread"] },
    },
  });
});
