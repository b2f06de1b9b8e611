import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { LongText } from "../../../src/lib/long-text.ts";
import { ParleyError } from "../../../src/model/error.ts";
import type { Item } from "../../../src/model/item.ts";
import { contextWith, parse, parseM3, plainCipher, surfaceWith } from "./harness.ts";
import { growth } from "../../support/cpu.ts";

function fixture(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`../../fixture/responses/${name}.json`, import.meta.url), "utf8")) as Record<
    string,
    unknown
  >;
}

function failure(act: () => unknown): ParleyError {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof ParleyError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

function itemsOf(input: unknown): readonly Item[] {
  return parseM3({ input }).request.items;
}

function user(text: string): Item {
  return { type: "message", role: "user", parts: [{ type: "text", text }] };
}

describe("the request of the vendor's samples", () => {
  test("a plain text", () => {
    const { request, answerOptions } = parse({ model: "MiniMax-M3", input: "Hello!" });
    expect(request).toEqual({
      id: "abc123",
      createdAt: 1764000000,
      model: "MiniMax-M3",
      items: [user("Hello!")],
      tools: [],
      toolChoice: "auto",
      parallelCalls: true,
      reasoning: "off",
      format: { type: "text" },
      sampling: { temperature: 1, topP: 0.95, stop: [] },
      tier: "standard",
    });
    expect(answerOptions).toMatchObject({
      stream: false,
      store: false,
      background: false,
      kind: "generation",
    });
  });

  test("instructions lead the conversation but are no part of the input", () => {
    const { request, answerOptions } = parseM3({
      instructions: "You write docs.",
      input: [{ role: "user", content: "Hi" }],
    });
    expect(request.items).toEqual([
      { type: "message", role: "system", parts: [{ type: "text", text: "You write docs." }] },
      user("Hi"),
    ]);
    expect(answerOptions.input).toEqual([user("Hi")]);
  });

  test("a tool round trip", () => {
    const { request } = parseM3({
      input: [
        { type: "message", role: "user", content: "What is the weather in Beijing?" },
        { type: "function_call", call_id: "call_abc123", name: "get_weather", arguments: '{"city":"Beijing"}' },
        { type: "function_call_output", call_id: "call_abc123", output: "Sunny, 22°C" },
      ],
      tools: [
        {
          type: "function",
          name: "get_weather",
          description: "Get current weather for a city",
          parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
        },
      ],
    });
    expect(request.items).toEqual([
      user("What is the weather in Beijing?"),
      { type: "call", id: "call_abc123", name: "get_weather", args: '{"city":"Beijing"}' },
      { type: "result", id: "call_abc123", parts: [{ type: "text", text: "Sunny, 22°C" }], failed: false },
    ]);
    expect(request.tools).toEqual([
      {
        name: "get_weather",
        description: "Get current weather for a city",
        parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
        path: "tools[0].parameters",
      },
    ]);
  });
});

test("fields reach the request", () => {
  const { request, answerOptions } = parseM3({
    max_output_tokens: 50,
    temperature: 0,
    top_p: 0.5,
    prompt_cache_key: "session-1",
    service_tier: "priority",
    parallel_tool_calls: false,
    text: { format: { type: "json_schema", name: "a", schema: { type: "object" }, strict: true } },
    stream: true,
    store: true,
    previous_response_id: "resp_0",
    include: ["reasoning.encrypted_content"],
    background: true,
    generate: false,
  });
  expect(request).toMatchObject({
    sampling: { temperature: 0, topP: 0.5, maxTokens: 50, stop: [] },
    cacheKey: "session-1",
    tier: "priority",
    parallelCalls: false,
    format: { type: "schema", name: "a", schema: { type: "object" }, strict: true, path: "text.format.schema" },
  });
  expect(answerOptions).toMatchObject({
    stream: true,
    store: true,
    previousResponseId: "resp_0",
    encryptReasoning: true,
    background: true,
    kind: "warm-up",
  });
});

test("null means not given, and fields nobody documents are ignored", () => {
  const nulls = Object.fromEntries(
    ["instructions", "tools", "tool_choice", "temperature", "metadata", "text", "reasoning", "store", "include"].map(
      (key) => [key, null],
    ),
  );
  expect(parseM3({ ...nulls, client_metadata: { a: 1 }, something: [[]] })).toEqual(parseM3({}));
});

describe("reasoning, by the vendor's rules", () => {
  test.each([
    ["MiniMax-M3", undefined, "off"],
    ["MiniMax-M3", { effort: "none" }, "off"],
    ["MiniMax-M3", { summary: "auto" }, "off"],
    ["MiniMax-M3", { effort: "minimal" }, "adaptive"],
    ["MiniMax-M3", { effort: "xhigh" }, "adaptive"],
    ["MiniMax-M3", { effort: "max" }, "adaptive"],
    ["MiniMax-M2.7", undefined, "on"],
    ["MiniMax-M2.7", { effort: "none" }, "on"],
    ["M2-her", { effort: "high" }, "off"],
  ])("%s with %j thinks: %s", (model, reasoning, thinking) => {
    expect(parse({ model, input: "Hi", reasoning }).request.reasoning).toBe(thinking);
  });

  test("the older reading of an omitted field is a setting", () => {
    const surface = surfaceWith({ defaultReasoning: "adaptive" });
    const { request } = surface.parse({ model: "MiniMax-M3", input: "Hi" }, contextWith());
    expect(request.reasoning).toBe("adaptive");
  });
});

describe("input items", () => {
  test("roles, default type, phase and parts", () => {
    expect(
      itemsOf([
        { role: "system", content: "A" },
        { role: "developer", content: [{ type: "input_text", text: "B" }] },
        { type: "message", role: "assistant", phase: "commentary", content: [{ type: "output_text", text: "C" }] },
        { role: "assistant", content: [{ type: "refusal", refusal: "No." }] },
        { role: "user", content: null },
      ]),
    ).toEqual([
      { type: "message", role: "system", parts: [{ type: "text", text: "A" }] },
      { type: "message", role: "developer", parts: [{ type: "text", text: "B" }] },
      { type: "message", role: "assistant", phase: "commentary", parts: [{ type: "text", text: "C" }] },
      { type: "message", role: "assistant", parts: [{ type: "text", text: "No." }] },
      { type: "message", role: "user", parts: [] },
    ]);
  });

  test("tool messages answer the calls before them in order", () => {
    const items = itemsOf([
      { type: "function_call", call_id: "a", name: "f", arguments: "{}" },
      { type: "function_call", call_id: "b", name: "g", arguments: "" },
      { role: "tool", content: "one" },
      { role: "tool", content: "two" },
    ]);
    expect(items.slice(1)).toEqual([
      { type: "call", id: "b", name: "g", args: "{}" },
      { type: "result", id: "a", parts: [{ type: "text", text: "one" }], failed: false },
      { type: "result", id: "b", parts: [{ type: "text", text: "two" }], failed: false },
    ]);
  });

  test("images and videos in every form", () => {
    const url = "https://example.com/a.png";
    const [message] = itemsOf([
      {
        role: "user",
        content: [
          { type: "input_image", image_url: url },
          { type: "input_image", image_url: { url, detail: "low", max_long_side_pixel: 504 } },
          { type: "input_image", image_url: "data:image/png;base64,AAAA", detail: "original" },
          { type: "input_image", image_url: url, detail: "auto" },
          { type: "input_image", file_id: "77" },
          { type: "input_video", video_url: { url: "mm_file://123", fps: 0.5 } },
          { type: "input_video", video_url: "http://example.com/a.mp4", fps: 2 },
        ],
      },
    ]);
    const at = (index: number) => ({ param: `input[0].content[${index}]` });
    const image = { type: "image", media: { kind: "url", url }, detail: "default" };
    expect(message).toMatchObject({
      parts: [
        { ...image, ...at(0) },
        { ...image, detail: "low", maxLongSide: 504, ...at(1) },
        { ...image, media: { kind: "url", url: "data:image/png;base64,AAAA" }, detail: "high", ...at(2) },
        { ...image, ...at(3) },
        { ...image, media: { kind: "file", fileId: "77" }, ...at(4) },
        { type: "video", media: { kind: "file", fileId: "123" }, detail: "default", fps: 0.5, ...at(5) },
        { type: "video", media: { kind: "url", url: "http://example.com/a.mp4" }, fps: 2, ...at(6) },
      ],
    });
  });

  test("results hold text, images and videos", () => {
    const items = itemsOf([
      { type: "function_call", call_id: "a", name: "f", arguments: "{}" },
      {
        type: "function_call_output",
        call_id: "a",
        output: [
          { type: "input_text", text: "seen" },
          { type: "input_image", image_url: "data:image/png;base64,AAAA" },
        ],
      },
    ]);
    expect(items[1]).toMatchObject({ type: "result", parts: [{ type: "text", text: "seen" }, { type: "image" }] });
  });

  test("reasoning: our encrypted text first, then content, then summary", () => {
    const thought = { type: "reasoning", summary: [{ type: "summary_text", text: "short" }] };
    const content = [{ type: "reasoning_text", text: "long" }];
    const texts = itemsOf([
      { ...thought },
      { ...thought, content },
      { ...thought, content, encrypted_content: plainCipher.encrypt("reasoning:exact") },
      { ...thought, content, encrypted_content: "from elsewhere" },
      { type: "reasoning", summary: [], encrypted_content: "from elsewhere" },
      { type: "reasoning", summary: [], encrypted_content: plainCipher.encrypt("compaction:not a thought") },
      { role: "user", content: "Hi" },
    ]).map((item) => (item.type === "reasoning" ? item.text : item.type));
    expect(texts).toEqual(["short", "long", "exact", "long", "message"]);
  });

  test("a compaction item becomes the summary it holds; a foreign one is refused", () => {
    const encrypted = plainCipher.encrypt("compaction:We launch on Tuesday.");
    expect(itemsOf([{ type: "compaction", encrypted_content: encrypted }])).toEqual([
      user("Summary of the conversation so far:\n\nWe launch on Tuesday."),
    ]);
    for (const encrypted_content of ["foreign", plainCipher.encrypt("reasoning:a thought")]) {
      const error = failure(() => itemsOf([{ type: "compaction", encrypted_content }]));
      expect(error.param).toBe("input[0].encrypted_content");
    }
  });

  test("metadata counts characters, not UTF-16 units", () => {
    const metadata = { ["😀".repeat(64)]: "😀".repeat(512) };
    expect(parseM3({ metadata }).answerOptions.echo.metadata).toEqual(metadata);
  });

  test("a compaction trigger is a wish, not an item", () => {
    const { answerOptions } = parseM3({ input: [{ role: "user", content: "Hi" }, { type: "compaction_trigger" }] });
    expect(answerOptions).toMatchObject({ kind: "compaction", input: [user("Hi")] });
  });

  test("calls and results of every tool form", () => {
    expect(
      itemsOf([
        { type: "custom_tool_call", call_id: "a", name: "run", input: "print(1)" },
        { type: "custom_tool_call_output", call_id: "a", output: "1" },
        { type: "local_shell_call", id: "x", call_id: "b", action: { type: "exec", command: ["ls"], env: {} } },
        { type: "local_shell_call_output", id: "b", output: "src" },
        { type: "shell_call", call_id: "c", action: { commands: ["ls", "pwd"] } },
        {
          type: "shell_call_output",
          call_id: "c",
          output: [
            { stdout: "src", stderr: "", outcome: { type: "exit", exit_code: 0 } },
            { stdout: "", stderr: "no", outcome: { type: "exit", exit_code: 2 } },
          ],
        },
        { type: "apply_patch_call", call_id: "d", operation: { type: "delete_file", path: "a" } },
        { type: "apply_patch_call_output", call_id: "d", status: "failed", output: "no such file" },
        { type: "mcp_call", id: "e", name: "look", arguments: "{}", server_label: "s", output: "found" },
        { type: "function_call", call_id: "f", namespace: "agents", name: "spawn", arguments: "{}" },
        { type: "function_call_output", call_id: "f" },
        { type: "web_search_call", id: "ws", status: "completed" },
      ]),
    ).toEqual([
      { type: "call", id: "a", name: "run", args: '{"input":"print(1)"}' },
      { type: "result", id: "a", parts: [{ type: "text", text: "1" }], failed: false },
      { type: "call", id: "b", name: "local_shell", args: '{"command":["ls"]}' },
      { type: "result", id: "b", parts: [{ type: "text", text: "src" }], failed: false },
      { type: "call", id: "c", name: "shell", args: '{"commands":["ls","pwd"]}' },
      { type: "result", id: "c", parts: [{ type: "text", text: "src\nno\nexit code 2" }], failed: false },
      { type: "call", id: "d", name: "apply_patch", args: '{"type":"delete_file","path":"a"}' },
      { type: "result", id: "d", parts: [{ type: "text", text: "no such file" }], failed: true },
      { type: "call", id: "e", name: "look", args: "{}" },
      { type: "result", id: "e", parts: [{ type: "text", text: "found" }], failed: false },
      { type: "call", id: "f", name: "agents__spawn", args: "{}" },
      { type: "result", id: "f", parts: [], failed: false },
    ]);
  });

  test("traces of hosted tools say nothing", () => {
    const types = ["web_search_call", "file_search_call", "computer_call", "computer_call_output"];
    const more = ["mcp_list_tools", "mcp_approval_request", "program", "ghost_snapshot"];
    const traces = [...types, ...more].map((type) => ({ type, id: "x", call_id: "y", output: "z" }));
    expect(itemsOf([...traces, { role: "user", content: "Hi" }])).toEqual([user("Hi")]);
  });

  test("a call that was cut short does not poison the conversation", () => {
    const call = { type: "function_call", call_id: "a", name: "f", arguments: '{"city": "Be' };
    const output = { type: "function_call_output", call_id: "a", output: "bad arguments" };
    expect(itemsOf([{ ...call, status: "incomplete" }, output])[0]).toMatchObject({
      args: '{"incomplete":"{\\"city\\": \\"Be"}',
    });
    expect(failure(() => itemsOf([call, output])).message).toBe(
      "input[0].arguments: invalid function arguments json string, tool_call_id: a",
    );
  });
});

describe("what is refused, and the field that is named", () => {
  const call = { type: "function_call", call_id: "a", name: "f", arguments: "{}" };
  const image = (part: unknown) => ({ input: [{ role: "user", content: [part] }] });
  const rows: [string, Record<string, unknown>, string][] = [
    ["no model", { model: undefined }, "model"],
    ["unknown model", { model: "gpt-9" }, "model"],
    ["model of a wrong type", { model: 3 }, "model"],
    ["no input", { input: undefined }, "input"],
    ["empty input", { input: "" }, "input"],
    ["empty list", { input: [] }, "input"],
    ["input of a wrong type", { input: 5 }, "input"],
    ["item of a wrong type", { input: ["hi"] }, "input[0]"],
    ["unknown item type", { input: [{ type: "poem" }] }, "input[0].type"],
    ["unknown item type that looks like a trace", { input: [{ type: "not_yet_invented_call" }] }, "input[0].type"],
    ["empty message", { input: [{ role: "user", content: "" }] }, "input"],
    ["empty part", { input: [{ role: "user", content: [{ type: "input_text", text: "" }] }] }, "input"],
    ["additional tools without tools", { input: [{ type: "additional_tools" }] }, "input[0].tools"],
    ["agent message of a wrong type", { input: [{ type: "agent_message", content: 3 }] }, "input[0].content"],
    [
      "a trigger before the end",
      { input: [{ role: "user", content: "Hi" }, { type: "compaction_trigger" }, { role: "user", content: "?" }] },
      "input[1].type",
    ],
    [
      "two triggers",
      { input: [{ role: "user", content: "Hi" }, { type: "compaction_trigger" }, { type: "compaction_trigger" }] },
      "input[1].type",
    ],
    ["no role", { input: [{ type: "message", content: "x" }] }, "input[0].role"],
    ["unknown role", { input: [{ role: "critic", content: "x" }] }, "input[0].role"],
    ["content of a wrong type", { input: [{ role: "user", content: {} }] }, "input[0].content"],
    ["unknown part", image({ type: "smell" }), "input[0].content[0].type"],
    ["files", image({ type: "input_file", file_id: "1" }), "input[0].content[0].type"],
    ["text part without text", image({ type: "input_text" }), "input[0].content[0].text"],
    [
      "image said by an assistant",
      { input: [{ role: "assistant", content: [{ type: "input_image", image_url: "data:," }] }] },
      "input[0].content",
    ],
    ["image without a URL", image({ type: "input_image" }), "input[0].content[0].image_url"],
    [
      "image of a strange place",
      image({ type: "input_image", image_url: "file:///etc/passwd" }),
      "input[0].content[0].image_url",
    ],
    [
      "unknown detail",
      image({ type: "input_image", image_url: "data:,", detail: "ultra" }),
      "input[0].content[0].detail",
    ],
    [
      "too many frames",
      image({ type: "input_video", video_url: { url: "data:,", fps: 100 } }),
      "input[0].content[0].video_url.fps",
    ],
    [
      "image for a text model",
      { ...image({ type: "input_image", image_url: "data:," }), model: "MiniMax-M2.7" },
      "input[0].content[0]",
    ],
    ["call without an id", { input: [{ ...call, call_id: undefined }] }, "input[0].call_id"],
    ["call without arguments", { input: [{ ...call, arguments: undefined }] }, "input[0].arguments"],
    ["arguments as an object", { input: [{ ...call, arguments: {} }] }, "input[0].arguments"],
    ["unanswered call", { input: [call] }, "input"],
    ["result of no call", { input: [{ type: "function_call_output", call_id: "z", output: "" }] }, "input"],
    ["result before its call", { input: [{ type: "function_call_output", call_id: "a", output: "" }, call] }, "input"],
    [
      "object as a result",
      { input: [call, { type: "function_call_output", call_id: "a", output: {} }] },
      "input[1].output",
    ],
    ["tool message of no call", { input: [{ role: "tool", content: "x" }] }, "input[0]"],
    ["temperature over 1", { temperature: 1.1 }, "temperature"],
    ["temperature under 0", { temperature: -0.1 }, "temperature"],
    ["temperature 0 for M2-her", { temperature: 0, model: "M2-her" }, "temperature"],
    ["temperature as text", { temperature: "1" }, "temperature"],
    ["top_p over 1", { top_p: 1.5 }, "top_p"],
    ["no output tokens", { max_output_tokens: 0 }, "max_output_tokens"],
    ["half a token", { max_output_tokens: 1.5 }, "max_output_tokens"],
    ["more than the model gives", { max_output_tokens: 524_289 }, "max_output_tokens"],
    ["stream as text", { stream: "true" }, "stream"],
    ["instructions of a wrong type", { instructions: ["x"] }, "instructions"],
    ["tools of a wrong type", { tools: {} }, "tools"],
    ["tool without a type", { tools: [{ name: "f" }] }, "tools[0].type"],
    ["tool without a name", { tools: [{ type: "function" }] }, "tools[0].name"],
    ["parameters of a wrong type", { tools: [{ type: "function", name: "f", parameters: [] }] }, "tools[0].parameters"],
    [
      "nested tool without a name",
      { tools: [{ type: "namespace", name: "n", tools: [{ type: "function" }] }] },
      "tools[0].tools[0].name",
    ],
    ["unknown choice", { tool_choice: "maybe" }, "tool_choice"],
    ["required without tools", { tool_choice: "required" }, "tool_choice"],
    ["choice of no tool", { tool_choice: { type: "function", name: "f" } }, "tool_choice.name"],
    [
      "forced hosted tool",
      { tools: [{ type: "web_search" }], tool_choice: { type: "web_search" } },
      "tool_choice.type",
    ],
    ["required hosted tool", { tools: [{ type: "mcp" }], tool_choice: "required" }, "tool_choice"],
    ["nothing allowed", { tool_choice: { type: "allowed_tools", tools: [] } }, "tool_choice.tools"],
    ["metadata of a wrong type", { metadata: "x" }, "metadata"],
    ["metadata value of a wrong type", { metadata: { a: 1 } }, "metadata.a"],
    ["metadata value of long characters", { metadata: { a: "😀".repeat(513) } }, "metadata.a"],
    ["long metadata value", { metadata: { a: "x".repeat(513) } }, "metadata.a"],
    ["metadata value of many megabytes", { metadata: { a: new LongText(["x".repeat(1_025)]) } }, "metadata.a"],
    ["input of many megabytes", { input: new LongText(["x"]) }, "input"],
    ["content of many megabytes", { input: [{ role: "user", content: new LongText(["x"]) }] }, "input[0].content"],
    ["long metadata key", { metadata: { ["x".repeat(65)]: "" } }, "metadata"],
    [
      "too much metadata",
      { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, at) => [at, ""])) },
      "metadata",
    ],
    ["unknown format", { text: { format: { type: "xml" } } }, "text.format.type"],
    ["schema format without a schema", { text: { format: { type: "json_schema", name: "a" } } }, "text.format.schema"],
    ...["off", "disabled", "", "ultra", "High"].map((effort): [string, Record<string, unknown>, string] => [
      `effort ${JSON.stringify(effort)}`,
      { reasoning: { effort } },
      "reasoning.effort",
    ]),
    ["effort of a wrong type", { reasoning: { effort: 3 } }, "reasoning.effort"],
    ["truncation", { truncation: "middle" }, "truncation"],
    ["include of a wrong type", { include: [1] }, "include[0]"],
    ["background without store", { background: true, store: false }, "store"],
    ["conversation", { conversation: "conv_1" }, "conversation"],
    ["top_logprobs", { top_logprobs: 21 }, "top_logprobs"],
  ];

  test.each(rows)("%s", (_name, fields, param) => {
    const error = failure(() => parseM3(fields));
    expect(error.kind).toBe("invalid");
    expect(error.param).toBe(param);
    expect(error.message.startsWith(param)).toBe(true);
  });

  test.each([null, [], "text", 3])("a body that is no object: %j", (body) => {
    expect(failure(() => parse(body)).kind).toBe("invalid");
  });

  test("nesting that could not be written back", () => {
    let deep: unknown = {};
    for (let level = 0; level < 20_000; level += 1) deep = { a: deep };
    const error = failure(() => parseM3({ tools: [{ type: "function", name: "f", parameters: deep }] }));
    expect(error.message).toBe("tools: must not nest deeper than 100 levels");
  });
});

test("a very long request takes a time that grows with its length only", () => {
  const read = (size: number): (() => void) => {
    const rounds = Array.from({ length: size }, (_, at) => `c${at}`);
    const calls = rounds.map((call_id) => ({ type: "function_call", call_id, name: "f", arguments: "{}" }));
    const results = rounds.toReversed().map((call_id) => ({ type: "function_call_output", call_id, output: "" }));
    const turns = [...calls, ...rounds.map(() => ({ role: "tool", content: "x" }))];
    const tools = rounds.map((type) => ({ type }));
    return () => {
      expect(parseM3({ input: [...calls, ...results], tools }).request.items).toHaveLength(2 * size);
      expect(itemsOf(turns).at(-1)).toMatchObject({ type: "result", id: `c${size - 1}` });
    };
  };
  // 16 times the items: 256 where each is compared with every other one
  expect(growth(read(1_250), read(20_000))).toBeLessThan(80);
});

test("a nucleus of 0 is repeated as sent and told to engines as one that holds a single token", () => {
  const { request, answerOptions } = parseM3({ top_p: 0 });
  expect(answerOptions.echo.topP).toBe(0);
  expect(request.sampling.topP).toBe(1e-6);
});

test("limits at the edge are accepted", () => {
  const metadata = Object.fromEntries(
    Array.from({ length: 16 }, (_, at) => [`${at}`.padEnd(64, "x"), "y".repeat(512)]),
  );
  expect(
    parseM3({ metadata, max_output_tokens: 524_288, temperature: 1, top_p: 1 }).answerOptions.echo.metadata,
  ).toEqual(metadata);
  expect(parse({ model: "M2-her", input: "x", max_output_tokens: 9_999 }).request.sampling.maxTokens).toBe(2_048);
});

test("strict: what the vendor's page does not list is refused", () => {
  const rows: [Record<string, unknown>, string][] = [
    [{ tool_choice: "required" }, "tool_choice"],
    [{ tool_choice: { type: "function", name: "f" } }, "tool_choice"],
    [{ text: { format: { type: "json_object" } } }, "text.format.type"],
    [{ reasoning: { effort: "xhigh" } }, "reasoning.effort"],
    [{ tools: [{ type: "custom", name: "f" }] }, "tools[0].type"],
    [{ input: [{ type: "item_reference", id: "a" }] }, "input[0].type"],
    [{ input: [{ role: "user", content: "Hi" }, { type: "compaction_trigger" }] }, "input[1].type"],
    [{ input: [{ role: "user", content: "" }] }, "input[0].content"],
  ];
  for (const [fields, param] of rows) {
    expect(failure(() => parseM3(fields, { strict: true })).param).toBe(param);
  }
});

describe("bodies of real clients", () => {
  const picture = "data:image/png;base64,iVBORw0KGgo=";

  test("Codex, first turn: namespaces flattened, web search dropped and named", () => {
    const { request, answerOptions } = parse(fixture("codex-first-turn"));
    const names = request.tools.map(({ name }) => name);
    expect(names).toContain("exec_command");
    expect(names).toContain("multi_agent_v1__spawn_agent");
    expect(names).toHaveLength(12);
    expect(answerOptions.forms.get("multi_agent_v1__spawn_agent")).toEqual({
      kind: "function",
      namespace: "multi_agent_v1",
      name: "spawn_agent",
    });
    expect(answerOptions.echo.metadata).toEqual({});
    expect(answerOptions.echo.dropped.tools).toEqual(["web_search"]);
    expect(answerOptions).toMatchObject({ stream: true, store: false, encryptReasoning: true });
    expect(request).toMatchObject({ reasoning: "off", cacheKey: "<UUID>", parallelCalls: true, toolChoice: "auto" });
  });

  test("Codex, second turn: its own call and its result", () => {
    const { request } = parse(fixture("codex-tool-result"));
    expect(request.items.slice(-2)).toMatchObject([
      { type: "call", id: "call_1", name: "exec_command", args: '{"cmd":"echo hello"}' },
      { type: "result", id: "call_1" },
    ]);
  });

  test("Codex with an image and an output schema", () => {
    const body = JSON.parse(
      JSON.stringify(fixture("codex-image-schema")).replaceAll("[text of 326 characters]", picture),
    );
    const { request } = parse(body);
    expect(request.format).toMatchObject({ type: "schema", name: "codex_output_schema", strict: true });
    expect(request.reasoning).toBe("adaptive");
    expect(request.items.at(-1)).toMatchObject({
      parts: [
        { type: "text" },
        { type: "image", detail: "high", media: { url: picture } },
        { type: "text" },
        { type: "text" },
      ],
    });
  });

  test("pi", () => {
    const { request } = parse(fixture("pi-first-turn"));
    expect(request.tools.map(({ name }) => name)).toEqual(["read", "bash", "edit", "write"]);
    expect(request.sampling.maxTokens).toBe(16_384);
  });

  const recorded = fixture("sdk-requests") as unknown as { client: string; body: unknown }[];
  test.each(recorded.map(({ client, body }) => [client, body] as const))("%s", (_client, body) => {
    expect(parse(body).request.items.at(-1)).toEqual(user("hi"));
  });
});

test("a session that a header names is a hint for the cache; prompt_cache_key goes before it", () => {
  const header = (name: string): string | undefined => (name === "session-id" ? "s" : undefined);
  expect(parseM3({}, { header }).request.cacheKey).toBe("s");
  expect(parseM3({ prompt_cache_key: "k" }, { header }).request.cacheKey).toBe("k");
  expect(parseM3({}).request.cacheKey).toBeUndefined();
});
