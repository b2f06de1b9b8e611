import { describe, expect, test } from "vitest";
import { finish } from "../../../src/lib/time-slices.ts";
import { recalled as recalledSteps } from "../../../src/surface/responses/history.ts";
import type { Item } from "../../../src/model/item.ts";
import { answer, eventsOf, folded, parseM3, streamed, surfaceWith } from "./harness.ts";

const recalled = (...given: Parameters<typeof recalledSteps>) => finish(recalledSteps(...given));

const weather = { type: "function", name: "get_weather", parameters: { type: "object", properties: { city: {} } } };
const crm = {
  type: "namespace",
  name: "crm",
  description: "Customers.",
  tools: [
    { type: "function", name: "find", defer_loading: true },
    { type: "function", name: "list" },
  ],
};
const asked = { role: "user", content: "What is the weather in Paris?" };
const clientSearch = { type: "tool_search", execution: "client" };

function namesOf(fields: Record<string, unknown>): string[] {
  return parseM3(fields).request.tools.map(({ name }) => name);
}

function calling(name: string, args: string) {
  return answer((emitter) => {
    emitter.callStart("call_1", name);
    emitter.callDelta(args);
  }, "calls");
}

describe("additional_tools", () => {
  const added = { type: "additional_tools", role: "developer", tools: [weather, crm, { type: "web_search" }] };

  test("join the request's tools and can be forced; hosted ones are named as dropped", () => {
    const { request, answerOptions } = parseM3({ input: [added, asked], tool_choice: "required" });
    expect(request.tools.map(({ name }) => name)).toEqual(["get_weather", "crm__find", "crm__list"]);
    expect(request.toolChoice).toBe("required");
    expect(request.items).toHaveLength(1);
    expect(answerOptions.forms.get("crm__list")).toEqual({ kind: "function", name: "list", namespace: "crm" });
    expect(answerOptions.echo).toMatchObject({ tools: [], dropped: { tools: ["web_search"] } });
  });

  test("stay available in the turns that continue the conversation", () => {
    const history = parseM3({ input: [added, asked] }).answerOptions.input as Item[];
    const next = parseM3({
      input: "And in Rome?",
      previous_response_id: "r1",
      tool_choice: { type: "function", name: "get_weather" },
    });
    const { request } = recalled(next, { history, resolve: () => undefined });
    expect(request.tools.map(({ name }) => name)).toEqual(["get_weather", "crm__find", "crm__list"]);
    expect(request.toolChoice).toEqual({ name: "get_weather" });
    expect(request.items).toHaveLength(2);
  });

  test("a tool at fault is named", () => {
    const broken = { ...added, tools: [weather, { type: "function" }] };
    expect(() => parseM3({ input: [asked, broken] })).toThrow("input[1].tools[1].name: is required");
  });
});

describe("tool_search run by the caller", () => {
  const found = [
    { type: "tool_search_call", call_id: "t1", execution: "client", arguments: { query: "weather" } },
    { type: "tool_search_output", call_id: "t1", execution: "client", tools: [{ ...weather, defer_loading: true }] },
  ];

  test("is a function for the model, and its call goes out in its own form", () => {
    const parsed = parseM3({
      tools: [{ ...clientSearch, description: "Finds." }],
      tool_choice: { type: "tool_search" },
    });
    expect(parsed.request.toolChoice).toEqual({ name: "tool_search" });
    expect(parsed.request.tools[0]).toMatchObject({ name: "tool_search", description: "Finds." });
    const events = calling("tool_search", '{"query":"weather"}');
    const call = {
      type: "tool_search_call",
      call_id: "call_1",
      execution: "client",
      status: "completed",
      arguments: { query: "weather" },
    };
    expect(surfaceWith().json(folded(events), parsed)).toMatchObject({ output: [call] });
    const wire = eventsOf(streamed(parsed, [events]));
    expect(wire.find(({ type }) => type === "response.output_item.done")).toMatchObject({ item: call });
  });

  test("deferred tools are hidden until one of its outputs holds them", () => {
    const tools = [clientSearch, { ...weather, defer_loading: true }, crm];
    expect(namesOf({ tools, input: [asked] })).toEqual(["tool_search", "crm__list"]);
    const { request } = parseM3({ tools, input: [asked, ...found] });
    expect(request.tools.map(({ name }) => name)).toEqual(["tool_search", "get_weather", "crm__list"]);
    expect(request.items.slice(1)).toEqual([
      { type: "call", id: "t1", name: "tool_search", args: '{"query":"weather"}' },
      {
        type: "result",
        id: "t1",
        parts: [{ type: "text", text: "Tools found, which can be called now: get_weather" }],
        failed: false,
      },
    ]);
  });

  test("what it found needs no declaration, and stays in later turns", () => {
    const first = parseM3({ tools: [clientSearch], input: [asked, ...found] });
    expect(first.request.tools.map(({ name }) => name)).toEqual(["tool_search", "get_weather"]);
    const next = parseM3({ tools: [clientSearch], input: "Go on.", previous_response_id: "r1" });
    const { request } = recalled(next, { history: first.answerOptions.input as Item[], resolve: () => undefined });
    expect(request.tools.map(({ name }) => name)).toEqual(["tool_search", "get_weather"]);
  });

  test("a call of a deferred tool comes back with its namespace", () => {
    const output = { ...found[1], tools: [{ ...crm, tools: [crm.tools[0]] }] };
    const parsed = parseM3({ tools: [clientSearch], input: [asked, found[0], output] });
    expect(surfaceWith().json(folded(calling("crm__find", "{}")), parsed)).toMatchObject({
      output: [{ type: "function_call", name: "find", namespace: "crm" }],
    });
  });

  test("an output without its call is refused as every result is", () => {
    expect(() => parseM3({ tools: [clientSearch], input: [asked, found[1]] })).toThrow("tool id(t1) not found");
  });
});

describe("tool_search run by the server", () => {
  const tools = [{ type: "tool_search" }, { ...weather, defer_loading: true }, crm];
  const parsed = parseM3({ tools, input: [asked] });
  const events = calling("get_weather", "{}");
  const search = [
    {
      id: "abc123_ts",
      type: "tool_search_call",
      execution: "server",
      call_id: null,
      arguments: { paths: ["get_weather", "crm"] },
    },
    {
      id: "abc123_tso",
      type: "tool_search_output",
      execution: "server",
      tools: [
        { ...weather, defer_loading: true },
        { ...crm, tools: [crm.tools[0]] },
      ],
    },
  ];

  test("shows the model every deferred tool, and says so before the first item", () => {
    expect(parsed.request.tools.map(({ name }) => name)).toEqual(["get_weather", "crm__find", "crm__list"]);
    const body = surfaceWith().json(folded(events), parsed) as { output: object[] };
    expect(body.output).toMatchObject([...search, { type: "function_call", name: "get_weather" }]);
    const wire = eventsOf(
      streamed(
        parsed,
        events.map((event) => [event]),
      ),
    );
    const done = wire.filter(({ type }) => type === "response.output_item.done");
    expect(done.map(({ item }) => item)).toEqual(body.output);
    expect(done.map(({ output_index }) => output_index)).toEqual([0, 1, 2]);
    const added = wire.filter(({ type }) => type === "response.output_item.added");
    expect(added.map(({ output_index }) => output_index)).toEqual([0, 1, 2]);
    expect(wire.find(({ type }) => type.endsWith("arguments.done"))).toMatchObject({ output_index: 2 });
  });

  test("says it once: what came back as input is found already", () => {
    const { output } = surfaceWith().json(folded(events), parsed) as { output: object[] };
    const result = { type: "function_call_output", call_id: "call_1", output: "18 C" };
    const next = parseM3({ tools, input: [asked, ...output, result] });
    expect(next.answerOptions.searched).toEqual([]);
    expect(next.request.items.map(({ type }) => type)).toEqual(["message", "call", "result"]);
    expect(next.request.tools).toHaveLength(3);
  });

  test("forced, it leaves the choice to the model", () => {
    expect(parseM3({ tools, tool_choice: { type: "tool_search" } }).request.toolChoice).toBe("auto");
  });
});

describe("words of other agents", () => {
  const task = "What is the capital of France?";

  test("an agent message is read as a user's, its plain encrypted_content as text", () => {
    const content = [
      { type: "input_text", text: "Payload:\n" },
      { type: "encrypted_content", encrypted_content: task },
    ];
    const { request } = parseM3({ input: [{ type: "agent_message", author: "/root", recipient: "/root/w", content }] });
    expect(request.items).toEqual([
      {
        type: "message",
        role: "user",
        parts: [
          { type: "text", text: "Payload:\n" },
          { type: "text", text: task },
        ],
      },
    ]);
  });

  test("the same part in messages and outputs; a real cipher text is left out and named", () => {
    const part = { type: "encrypted_content", encrypted_content: task };
    const secret = { type: "encrypted_content", encrypted_content: `gAAAAA${"b".repeat(80)}==` };
    const call = { type: "function_call", call_id: "a", name: "f", arguments: "{}" };
    const output = { type: "function_call_output", call_id: "a", output: [part, secret] };
    const { request, answerOptions } = parseM3({ input: [{ role: "user", content: [part] }, call, output] });
    expect(request.items).toMatchObject([{ parts: [{ text: task }] }, {}, { parts: [{ text: task }] }]);
    expect(answerOptions.echo.dropped.items).toEqual(["encrypted_content"]);
  });
});

describe("outputs that answer no call", () => {
  const goal = { type: "function_call_output", id: "fco_1", name: "goal_objective", namespace: "agent" };
  const call = { type: "function_call", call_id: "call_1", name: "create_goal", arguments: "{}" };
  const said = (text: string) => ({ type: "message", role: "developer", parts: [{ type: "text", text }] });
  const last = (...items: object[]) => parseM3({ input: [asked, ...items] }).request.items.at(-1);

  test("are context under their name, whatever their id", () => {
    expect(last({ ...goal, output: "count zebras" })).toEqual(said("agent.goal_objective: count zebras"));
    expect(last({ ...goal, namespace: null, output: "count" })).toEqual(said("goal_objective: count"));
    expect(last({ ...goal, call_id: null, type: "custom_tool_call_output", output: [] })).toEqual(
      said("agent.goal_objective: "),
    );
    const image = { type: "input_image", image_url: "data:image/png;base64,AAAA" };
    expect(last({ ...goal, output: [image] })).toMatchObject({
      role: "developer",
      parts: [{ text: "agent.goal_objective: " }, { type: "image" }],
    });
  });

  test("stand behind the result of the call that made them", () => {
    const result = { type: "function_call_output", call_id: "call_1", output: "made" };
    const { items } = parseM3({ input: [asked, call, result, { ...goal, output: "count zebras" }, asked] }).request;
    expect(items.map(({ type }) => type)).toEqual(["message", "call", "result", "message", "message"]);
  });

  test("outputs that answer a call, by an older id too, and those without a name stay results", () => {
    const named = { type: "function_call_output", name: "create_goal", output: "made" };
    for (const key of ["call_id", "id"]) {
      expect(last(call, { ...named, [key]: "call_1" })).toMatchObject({ type: "result", id: "call_1" });
    }
    const unnamed = { ...goal, name: undefined, output: "" };
    expect(() => last(unnamed)).toThrow("tool result's tool id(fco_1) not found");
    expect(() => last({ ...goal, call_id: "lost", output: "" })).toThrow("tool result's tool id(lost) not found");
    expect(() => last({ ...goal, name: 7, output: "" })).toThrow("input[1].name: must be a string");
    expect(() => parseM3({ input: [asked, { ...goal, output: "count" }] }, { strict: true })).toThrow("not found");
  });
});

test("what was left out stands in a field of its own, and metadata comes back as it was sent", () => {
  const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`key${at}`, "x"]));
  const input = [asked, { type: "web_search_call", id: "w", status: "completed" }];
  const parsed = parseM3({ input, metadata, tools: [{ type: "mcp" }, weather] });
  const body = surfaceWith().json(folded(answer((emitter) => emitter.text("Hi"))), parsed);
  expect(body).toMatchObject({ metadata, parley: { dropped_tools: ["mcp"], dropped_items: ["web_search_call"] } });
  expect(Object.keys((body as { metadata: object }).metadata)).toHaveLength(16);
  expect(surfaceWith().json(folded(answer((emitter) => emitter.text("Hi"))), parseM3({}))).not.toHaveProperty("parley");
});

describe("names that clash", () => {
  const plain = { type: "function", name: "a__search", description: "plain" };
  const space = { type: "namespace", name: "a", tools: [{ type: "function", name: "search", description: "nested" }] };

  test.each([[[plain, space]], [[space, plain]]])("a flat name and a nested one are two tools: %#", (tools) => {
    const { request, answerOptions } = parseM3({ tools });
    expect(new Set(request.tools.map(({ name }) => name)).size).toBe(2);
    for (const { name, description } of request.tools) {
      expect(answerOptions.forms.get(name)).toEqual(
        description === "plain"
          ? { kind: "function", name: "a__search" }
          : { kind: "function", name: "search", namespace: "a" },
      );
    }
    const call = { type: "function_call", call_id: "1", name: "search", namespace: "a", arguments: "{}" };
    const output = { type: "function_call_output", call_id: "1", output: "" };
    const nested = request.tools.find(({ description }) => description === "nested")?.name;
    expect(parseM3({ tools, input: [asked, call, output] }).request.items[1]).toMatchObject({ name: nested });
    const choice = { type: "function", name: "search", namespace: "a" };
    expect(parseM3({ tools, tool_choice: choice }).request.toolChoice).toEqual({ name: nested });
  });

  test("the same tool twice is one; two of one name are told apart", () => {
    expect(namesOf({ tools: [weather, weather] })).toEqual(["get_weather"]);
    const other = { ...weather, description: "another" };
    const parsed = parseM3({ tools: [weather, other, { type: "custom", name: "get_weather" }] });
    expect(parsed.request.tools.map(({ name }) => name)).toEqual(["get_weather", "get_weather_2", "get_weather_3"]);
    expect(surfaceWith().json(folded(calling("get_weather_2", "{}")), parsed)).toMatchObject({
      output: [{ type: "function_call", name: "get_weather" }],
    });
    expect(
      parseM3({ tools: [weather, other], tool_choice: { type: "function", name: "get_weather" } }).request.toolChoice,
    ).toEqual({ name: "get_weather" });
  });

  test("a namespace can be chosen", () => {
    const tools = [weather, { ...crm, tools: crm.tools.map(({ type, name }) => ({ type, name })) }];
    const { request } = parseM3({ tools, tool_choice: { type: "namespace", name: "crm" } });
    expect(request.toolChoice).toBe("required");
    expect(request.tools.map(({ name }) => name)).toEqual(["crm__find", "crm__list"]);
    expect(() => parseM3({ tools, tool_choice: { type: "namespace", name: "erp" } })).toThrow(
      "tool_choice.name: no namespace",
    );
  });
});

test("strict of a function is carried as it was said", () => {
  const tools = [true, false, null].map((strict, at) => ({ ...weather, name: `f${at}`, strict }));
  const { request } = parseM3({ tools: [...tools, weather] });
  expect(request.tools.map(({ strict }) => strict)).toEqual([true, false, undefined, undefined]);
});

describe("media in the result of a tool", () => {
  const call = { type: "function_call", call_id: "a", name: "view", arguments: "{}" };
  const image = { type: "input_image", image_url: "data:image/png;base64,iVBORw0KGgo=" };
  const file = { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0=" };

  test.each(["function_call_output", "custom_tool_call_output"])(
    "%s: a line of text where the model is text only",
    (type) => {
      const input = [asked, call, { type, call_id: "a", output: [image, file] }];
      expect(parseM3({ model: "MiniMax-M2.7", input }).request.items[2]).toMatchObject({
        parts: [
          { type: "text", text: "[image not shown: this model reads text only]" },
          { type: "text", text: "\n[file not shown: this model reads text only]" },
        ],
      });
      expect(parseM3({ input }).request.items[2]).toMatchObject({
        parts: [
          { type: "image" },
          { type: "text", text: "[file not shown: this model reads text, images and videos only]" },
        ],
      });
    },
  );

  test("strict mode refuses, and so does a user's message", () => {
    const input = [asked, call, { type: "function_call_output", call_id: "a", output: [image] }];
    expect(() => parseM3({ model: "MiniMax-M2.7", input }, { strict: true })).toThrow("does not take image input");
    const said = [{ role: "user", content: [image] }];
    expect(() => parseM3({ model: "MiniMax-M2.7", input: said })).toThrow("does not take image input");
  });
});

test("bare base64 of a known format is a data URL; strict mode and other texts are refused", () => {
  const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ";
  const input = (image_url: unknown) => [{ role: "user", content: [{ type: "input_image", image_url }] }];
  const url = `data:image/png;base64,${png}`;
  expect(parseM3({ input: input(png) }).request.items[0]).toMatchObject({ parts: [{ media: { kind: "url", url } }] });
  expect(parseM3({ input: input({ url: png }) }).request.items[0]).toMatchObject({ parts: [{ media: { url } }] });
  expect(() => parseM3({ input: input(png) }, { strict: true })).toThrow("must be an http, https, data or mm_file URL");
  for (const other of ["cat.png", "AAAA", "/tmp/a.png"]) {
    expect(() => parseM3({ input: input(other) })).toThrow("must be an http, https, data or mm_file URL");
  }
});
