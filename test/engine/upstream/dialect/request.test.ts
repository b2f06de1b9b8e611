import { familyOf } from "../../../../src/engine/family-name.ts";
import { describe, expect, it } from "vitest";
import {
  dialectNames,
  dialects,
  guessDialect,
  type DialectName,
} from "../../../../src/engine/upstream/dialect/dialect.ts";
import { chatBody } from "../../../../src/engine/upstream/dialect/request.ts";
import type { Family } from "../../../../src/model/card.ts";
import { textPart, type Item, type Part, type Role } from "../../../../src/model/item.ts";
import type { GenerationRequest } from "../../../../src/model/request.ts";
import { requestOf, user } from "../fake.ts";

function body(
  over: Partial<GenerationRequest>,
  dialect: DialectName = "generic",
  family?: Family,
): Record<string, unknown> {
  return JSON.parse(JSON.stringify(chatBody(requestOf(over), dialects[dialect], family))) as Record<string, unknown>;
}

function messages(items: readonly Item[], dialect: DialectName = "generic", family?: Family): unknown {
  return body({ items }, dialect, family)["messages"];
}

const say = (role: Role, text: string, name?: string): Item => ({
  type: "message",
  role,
  parts: [textPart(text)],
  ...(name === undefined ? {} : { name }),
});
const think = (text: string): Item => ({ type: "reasoning", text });
const call = (id: string, args = "{}"): Item => ({ type: "call", id, name: "f", args });
const result = (id: string, text: string): Item => ({ type: "result", id, parts: [textPart(text)], failed: false });

describe("fields", () => {
  it.each([
    ["generic", undefined, {}, {}],
    ["vllm", "m3", {}, { chat_template_kwargs: { thinking_mode: "adaptive" } }],
    [
      "vllm",
      "m3",
      { reasoning: "off" },
      { chat_template_kwargs: { thinking_mode: "disabled", enable_thinking: false } },
    ],
    [
      "sglang",
      "m3",
      { reasoning: "on" },
      { chat_template_kwargs: { thinking_mode: "enabled", enable_thinking: true } },
    ],
    ["llama-server", undefined, { reasoning: "off" }, { chat_template_kwargs: { enable_thinking: false } }],
    ["vllm", "m2", { reasoning: "off" }, {}],
    ["ollama", undefined, { reasoning: "off" }, { reasoning_effort: "none" }],
    ["ollama", undefined, { reasoning: "on" }, {}],
    ["minimax", "m3", { reasoning: "on" }, { thinking: { type: "adaptive" }, reasoning_split: true }],
    ["minimax", "m3", { reasoning: "off" }, { thinking: { type: "disabled" }, reasoning_split: true }],
    ["minimax", "m2", { reasoning: "off", tier: "priority" }, { reasoning_split: true, service_tier: "priority" }],
    [
      "parley",
      "m3",
      { reasoning: "off", cacheKey: "k" },
      { thinking: { type: "disabled" }, reasoning_split: true, prompt_cache_key: "k" },
    ],
    ["vllm", "m2", { cacheKey: "k", tier: "priority" }, {}],
  ] as const)("%s, %s, %j", (dialect, family, over, expected) => {
    const { model, messages: said, stream, stream_options, ...rest } = body(over, dialect, family);
    expect(rest).toEqual(expected);
    expect({ model, stream, stream_options }).toEqual({
      model: "MiniMax-M3",
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(said).toEqual([{ role: "user", content: "hi" }]);
  });

  it("sends what was sampled with, under the names the server knows", () => {
    const sampling = { temperature: 0, topP: 0.5, topK: 40, seed: 0, stop: ["a"], maxTokens: 9 };
    expect(body({ sampling }, "vllm", "m2")).toMatchObject({
      temperature: 0,
      top_p: 0.5,
      top_k: 40,
      seed: 0,
      stop: ["a"],
      max_tokens: 9,
    });
    const hosted = body({ sampling }, "minimax", "m2");
    expect(hosted).toMatchObject({ max_completion_tokens: 9 });
    expect(Object.keys(hosted)).not.toContain("top_k");
    expect(Object.keys(hosted)).not.toContain("max_tokens");
  });

  it("keeps the key order of tool schemas", () => {
    const parameters = {
      type: "object",
      properties: { zeta: { type: "string" }, alpha: { type: "number" } },
      required: ["zeta"],
    };
    const text = JSON.stringify(chatBody(requestOf({ tools: [{ name: "f", parameters }] }), dialects.vllm, "m2"));
    expect(text).toContain(`{"type":"function","function":{"name":"f","parameters":${JSON.stringify(parameters)}}}`);
  });

  it("sends the tool choice as the server understands it", () => {
    const tools = ["f", "g"].map((name) => ({ name, parameters: {} }));
    expect(body({ toolChoice: "required" })).not.toHaveProperty("tool_choice");
    expect(body({ tools })).not.toHaveProperty("tool_choice");
    expect(body({ tools, toolChoice: "none", parallelCalls: false })).toMatchObject({
      tool_choice: "none",
      parallel_tool_calls: false,
    });
    expect(body({ tools, toolChoice: { name: "g" } })).toMatchObject({
      tool_choice: { type: "function", function: { name: "g" } },
    });
    const narrow = body({ tools, toolChoice: { name: "g" } }, "llama-server");
    expect(narrow).toMatchObject({ tool_choice: "required", tools: [{ function: { name: "g" } }] });
  });

  it.each(Object.values(dialects))("strict reaches $name where it takes it", (dialect) => {
    const tools = [true, false, undefined].map((strict, at) => ({
      name: `f${at}`,
      parameters: {},
      ...(strict === undefined ? {} : { strict }),
    }));
    const sent = chatBody(requestOf({ tools }), dialect, undefined)["tools"] as { function: object }[];
    const takes = dialect.name !== "llama-server" && dialect.name !== "ollama";
    expect(sent.map((tool) => ("strict" in tool.function ? tool.function.strict : "absent"))).toEqual(
      takes ? [true, false, "absent"] : ["absent", "absent", "absent"],
    );
  });

  it("asks for the form of the answer", () => {
    const schema = { type: "object" };
    const format = { type: "schema", name: "n", schema, strict: true, path: "schema" } as const;
    expect(body({ format: { type: "json" } })).toMatchObject({ response_format: { type: "json_object" } });
    expect(body({ format })).toMatchObject({
      response_format: { type: "json_schema", json_schema: { name: "n", schema, strict: true } },
    });
    expect(body({ format }, "minimax")).not.toHaveProperty("response_format");
    const old = chatBody(requestOf({ format }), { ...dialects.vllm, format: "guided_json" }, "m2");
    expect(old).toMatchObject({ guided_json: schema });
  });
});

describe("messages", () => {
  it("merges every system voice into one first message", () => {
    const items = [say("system", "a"), say("root", "r"), user("hi"), say("developer", "b"), say("system", "")];
    expect(messages(items, "vllm", "m2")).toEqual([
      { role: "system", content: "a\n\nr\n\nb" },
      { role: "user", content: "hi" },
    ]);
    expect(messages(items, "parley", "m3")).toEqual([
      { role: "system", content: "a" },
      { role: "root", content: "r" },
      { role: "user", content: "hi" },
      { role: "developer", content: "b" },
      { role: "system", content: "" },
    ]);
    expect(messages([say("root", "r"), user("hi")], "minimax", "m3")).toEqual([
      { role: "root", content: "r" },
      { role: "user", content: "hi" },
    ]);
  });

  it("keeps role-play voices where they are known and words them elsewhere", () => {
    const items = [
      say("user_system", "a pirate", "Jim"),
      say("group", "the sea"),
      say("sample_message_ai", "Arr"),
      user("hi"),
    ];
    expect(messages(items, "minimax", "her")).toEqual([
      { role: "user_system", name: "Jim", content: "a pirate" },
      { role: "group", content: "the sea" },
      { role: "sample_message_ai", content: "Arr" },
      { role: "user", content: "hi" },
    ]);
    expect(messages(items, "vllm", "m2")).toEqual([
      {
        role: "system",
        content: "The user (Jim): a pirate\n\nThe conversation: the sea\n\nExample of the assistant: Arr",
      },
      { role: "user", content: "hi" },
    ]);
  });

  it("folds thought, text and calls into one assistant message", () => {
    const items = [
      user("q"),
      think("t1"),
      think("t2"),
      say("assistant", "x"),
      call("1", '{"a":1}'),
      call("2"),
      result("1", "r1"),
      result("2", "r2"),
      think("t3"),
      say("assistant", "done"),
    ];
    const calls = [
      { id: "1", type: "function", function: { name: "f", arguments: '{"a":1}' } },
      { id: "2", type: "function", function: { name: "f", arguments: "{}" } },
    ];
    expect(messages(items, "sglang", "m2")).toEqual([
      { role: "user", content: "q" },
      { role: "assistant", content: "x", reasoning_content: "t1\nt2", tool_calls: calls },
      { role: "tool", tool_call_id: "1", content: "r1" },
      { role: "tool", tool_call_id: "2", content: "r2" },
      { role: "assistant", content: "done", reasoning_content: "t3" },
    ]);
  });

  it("starts a new message where one cannot hold both", () => {
    const items = [
      user("q"),
      say("assistant", "a"),
      say("assistant", "b"),
      call("1"),
      think("t"),
      say("assistant", "c"),
    ];
    expect(
      (messages(items) as { role: string; content: string | null }[]).map(({ role, content }) => `${role}:${content}`),
    ).toEqual(["user:q", "assistant:a", "assistant:b", "assistant:c"]);
  });

  it("puts no message between calls and their results", () => {
    const items = [
      user("q"),
      call("1"),
      say("assistant", "a"),
      call("2"),
      result("1", "r"),
      result("2", "r"),
      say("assistant", "b"),
    ];
    expect(messages(items)).toMatchObject([
      { role: "user" },
      { role: "assistant", content: "a", tool_calls: [{ id: "1" }, { id: "2" }] },
      { role: "tool", tool_call_id: "1" },
      { role: "tool", tool_call_id: "2" },
      { role: "assistant", content: "b" },
    ]);
  });

  it("keeps each thought with the words that followed it", () => {
    const items = [
      user("q"),
      think("t1"),
      say("assistant", "a"),
      think("t2"),
      think("t3"),
      say("assistant", "b"),
      think("t4"),
      call("1"),
    ];
    expect(messages(items, "sglang", "m2")).toMatchObject([
      {},
      { role: "assistant", content: "a", reasoning_content: "t1" },
      { role: "assistant", content: "b", reasoning_content: "t2\nt3\nt4", tool_calls: [{ id: "1" }] },
    ]);
  });

  it("says nothing beside calls with null", () => {
    expect(messages([user("q"), call("1")])).toMatchObject([{}, { role: "assistant", content: null }]);
  });

  const old = [user("q"), think("old"), say("assistant", "a"), user("q2"), think("new"), call("1"), result("1", "r")];
  it.each([
    ["vllm", "m2", [undefined, "new"]],
    ["vllm", "m3", ["old", "new"]],
    ["vllm", undefined, [undefined, "new"]],
    ["vllm", "her", [undefined, undefined]],
  ] as const)("shows %s with %s the thoughts %j", (dialect, family, expected) => {
    const said = messages(old, dialect, family) as Record<string, unknown>[];
    const turns = said.filter(({ role }) => role === "assistant");
    expect(turns.map((turn) => turn["reasoning_content"])).toEqual(expected);
    expect(turns.map((turn) => turn["reasoning"])).toEqual(expected);
  });

  it("gives the vendor its thoughts in its own form", () => {
    expect(messages([user("q"), think("t"), say("assistant", "a")], "minimax", "m3")).toEqual([
      { role: "user", content: "q" },
      {
        role: "assistant",
        content: "a",
        reasoning_details: [
          { type: "reasoning.text", id: "reasoning-text-1", format: "MiniMax-response-v1", index: 0, text: "t" },
        ],
      },
    ]);
  });
});

describe("media", () => {
  const bytes = new TextEncoder().encode("xpngx").subarray(1, 4);
  const image: Part = {
    type: "image",
    media: { kind: "bytes", mime: "image/png", bytes },
    detail: "high",
    maxLongSide: 504,
  };
  const video: Part = {
    type: "video",
    media: { kind: "url", url: "https://h/v.mp4" },
    detail: "default",
    fps: 2,
    frames: [
      { at: 0, mime: "image/jpeg", bytes },
      { at: 0.5, mime: "image/jpeg", bytes },
    ],
  };
  const show = (part: Part, dialect: DialectName): unknown => {
    const said = messages([{ type: "message", role: "user", parts: [textPart("see"), part] }], dialect, "m3");
    return (said as { content: unknown[] }[])[0]?.content.slice(1);
  };

  it("goes as data URLs with the detail words of the server", () => {
    expect(show(image, "vllm")).toEqual([
      { type: "image_url", image_url: { url: "data:image/png;base64,cG5n", detail: "high" } },
    ]);
    expect(show({ ...image, detail: "default" }, "vllm")).toEqual([
      { type: "image_url", image_url: { url: "data:image/png;base64,cG5n" } },
    ]);
    expect(show(image, "minimax")).toEqual([
      { type: "image_url", image_url: { url: "data:image/png;base64,cG5n", detail: "high", max_long_side_pixel: 504 } },
    ]);
  });

  it("goes as video where it may, else as pictures with their times", () => {
    expect(show(video, "minimax")).toEqual([
      { type: "video_url", video_url: { url: "https://h/v.mp4", detail: "default", fps: 2 } },
    ]);
    expect(show(video, "sglang")).toEqual([{ type: "video_url", video_url: { url: "https://h/v.mp4" } }]);
    const picture = { type: "image_url", image_url: { url: "data:image/jpeg;base64,cG5n" } };
    expect(show(video, "llama-server")).toEqual([
      { type: "text", text: "[0.0 s]" },
      picture,
      { type: "text", text: "[0.5 s]" },
      picture,
    ]);
  });

  it("goes as pictures also to servers that read videos, where the video itself is not there", () => {
    const media = { kind: "bytes", mime: "video/mp4", bytes: new Uint8Array() } as const;
    expect(show({ ...video, media }, "minimax")).toEqual(show(video, "llama-server"));
  });

  it("stays with a voice that is put into words", () => {
    const scene: Item = { type: "message", role: "group", parts: [textPart("a ship"), image] };
    const said = messages([scene], "generic", "m3") as { role: string; content: { type: string }[] }[];
    expect(said.map(({ role, content }) => [role, content.map(({ type }) => type)])).toEqual([
      ["system", ["text", "image_url"]],
    ]);
  });

  it("refuses a video without frames and a file nobody fetched, naming the field", () => {
    const bare: Part = {
      type: "video",
      media: { kind: "url", url: "https://h/v.mp4" },
      detail: "default",
      fps: 2,
      param: "messages[0].content[1]",
    };
    expect(() => show(bare, "ollama")).toThrow("messages[0].content[1]: this model's engine takes no video");
    const file: Part = { type: "image", media: { kind: "file", fileId: "1" }, detail: "low", param: "p" };
    expect(() => show(file, "vllm")).toThrow("p: the file was not resolved");
  });
});

describe("guessing", () => {
  it.each([
    ["https://api.minimaxi.com/v1", {}, "minimax"],
    ["http://h", { models: { data: [{ owned_by: "vllm" }] } }, "vllm"],
    ["http://h", { models: { data: [{ owned_by: "sglang" }] } }, "sglang"],
    ["http://h", { models: { data: [{ owned_by: "llamacpp" }] } }, "llama-server"],
    ["http://h", { models: { data: [{ owned_by: "library" }] } }, "ollama"],
    ["http://h", { models: { data: [{ owned_by: "minimax" }] } }, "parley"],
    ["http://h", { models: { data: [] }, "/api/version": { version: "0.40" } }, "ollama"],
    ["http://h", { "/version": { version: "0.16" } }, "vllm"],
    ["http://h", { "/props": { default_generation_settings: {} } }, "llama-server"],
    ["http://h", { "/get_model_info": { model_path: "m" } }, "sglang"],
    ["http://h", { models: { data: [{ owned_by: "organization-owner" }] } }, "generic"],
    ["http://h", {}, "generic"],
  ] as const)("%s answering %j is %s", async (url, answers, expected) => {
    const probe = async (path: string): Promise<unknown> => (answers as Record<string, unknown>)[path];
    expect(await guessDialect(url, probe)).toBe(expected);
  });

  it("names every dialect after its row", () => {
    for (const name of dialectNames) expect(dialects[name].name).toBe(name);
  });

  it.each([
    ["MiniMax-M3", "m3"],
    ["MiniMaxAI/MiniMax-M2.7", "m2"],
    ["minimax-m2.5:cloud", "m2"],
    ["M2-her", "her"],
    ["Qwen3-32B", undefined],
    ["llama-m30", undefined],
    ["MiniMax-M2.5-8bit-m3-ultra", "m2"],
    ["minimax-text-01-m3-ultra", undefined],
    ["mlx-community/minimax_m3_4bit", "m3"],
    ["m3e-base", undefined],
    ["m2.7", "m2"],
  ])("%s is of family %s", (model, family) => {
    expect(familyOf(model)).toBe(family);
  });
});
