import { describe, expect, it } from "vitest";
import { planCalls } from "../../../src/engine/sim/calls.ts";
import { readTalk } from "../../../src/engine/sim/talk.ts";
import type { Item } from "../../../src/model/item.ts";
import type { GenerationRequest, ToolDefinition } from "../../../src/model/request.ts";
import { message, requestOf, timeTool, weatherTool } from "../../contract/engine.ts";

const tools: readonly ToolDefinition[] = [weatherTool, timeTool];
const searchTool: ToolDefinition = {
  name: "my-search.v2",
  parameters: { type: "object", properties: { query: { type: "string" } }, required: ["query"] },
};

function calls(asked: string, changes: Partial<GenerationRequest> = {}, quiet = false): string[] {
  return planCalls(readTalk(requestOf(asked, { tools, ...changes })), quiet).map(({ name, args }) => `${name} ${args}`);
}

const turn = (asked: string, name: string, args: string, result: string): Item[] => [
  message("user", asked),
  { type: "call", id: "1", name, args },
  { type: "result", id: "1", parts: [{ type: "text", text: result }], failed: false },
];

describe("planCalls", () => {
  it("calls the tool that fits best, else the first", () => {
    expect(calls("What time is it in Oslo?")).toEqual(['get_time {"city":"Oslo"}']);
    expect(calls("What is the weather in Oslo?")).toEqual(['get_weather {"city":"Oslo"}']);
    expect(calls("Do your work in Oslo")).toEqual(['get_weather {"city":"Oslo"}']);
    expect(calls("Use my-search.v2 please", { tools: [...tools, searchTool] })).toEqual([
      'my-search.v2 {"query":"Use my-search.v2 please"}',
    ]);
    expect(
      calls("北京现在几点？时间", { tools: [weatherTool, { ...timeTool, description: "查询城市的当前时间" }] }),
    ).toEqual(['get_time {"city":"北京"}']);
  });

  it("does not call where nothing is offered, where it may not, or where no tool is needed", () => {
    expect(calls("What is the weather in Oslo?", { tools: [] })).toEqual([]);
    expect(calls("What is the weather in Oslo?", { toolChoice: "none" })).toEqual([]);
    expect(calls("Hello", {}, true)).toEqual([]);
  });

  it("always calls when a call is required or named", () => {
    expect(calls("Hello", { toolChoice: "required" }, true)).toHaveLength(1);
    expect(calls("Weather in Oslo", { toolChoice: { name: "get_time" } }, true)).toEqual(['get_time {"city":"Oslo"}']);
    expect(calls("Weather", { toolChoice: { name: "unheard_of" } })).toEqual(["unheard_of {}"]);
    const items = turn("Weather in Oslo", "get_weather", "{}", "rain");
    expect(calls("", { items, toolChoice: "required" })).toEqual(['get_weather {"city":"Oslo"}']);
  });

  it("answers after a result", () => {
    expect(calls("", { items: turn("Weather in Oslo", "get_weather", "{}", "rain") })).toEqual([]);
  });

  it.each([
    "What is the weather in Paris and London?",
    "Compare the weather of Paris and London",
    'Weather for "Paris" and "London" please',
  ])("calls twice for two things: %s", (asked) => {
    expect(calls(asked)).toEqual(['get_weather {"city":"Paris"}', 'get_weather {"city":"London"}']);
  });

  it("calls as often as things are named, in Chinese too", () => {
    expect(calls("Weather in Paris, London and Rome")).toHaveLength(3);
    expect(calls("请同时查询北京和上海的天气")).toEqual(['get_weather {"city":"北京"}', 'get_weather {"city":"上海"}']);
    expect(calls("查一下北京、上海和广州的天气")).toHaveLength(3);
  });

  it("calls two tools for two questions", () => {
    expect(calls("What is the weather in Paris and the time in Tokyo?")).toEqual([
      'get_weather {"city":"Paris"}',
      'get_time {"city":"Tokyo"}',
    ]);
  });

  it("makes one call after another where they may not stand side by side", () => {
    const asked = "Weather in Paris and London";
    const one = { parallelCalls: false };
    expect(calls(asked, one)).toEqual(['get_weather {"city":"Paris"}']);
    const first = turn(asked, "get_weather", '{"city":"Paris"}', "sun");
    expect(calls("", { ...one, items: first })).toEqual(['get_weather {"city":"London"}']);
    expect(calls("", { ...one, items: [...first, ...first.slice(1)] })).toEqual([]);
  });

  it("calls a tool that only history shows, when asked the same kind of thing", () => {
    const shown = [
      ...turn("Weather in Rome?", "look_up", '{"city":"Rome","days":2}', "sun"),
      message("assistant", "Sun."),
    ];
    const items = [...shown, message("user", "Weather in Oslo?")];
    expect(calls("", { items, tools: [] })).toEqual(['look_up {"city":"Oslo","days":2}']);
    expect(calls("", { items: [...shown, message("user", "Tell me a joke")], tools: [] })).toEqual([]);
    expect(calls("", { items, tools: [searchTool] })).toEqual(['look_up {"city":"Oslo","days":2}']);
    expect(calls("", { items, tools })).toEqual(['get_weather {"city":"Oslo"}']);
    expect(calls("", { items, tools: [], toolChoice: "none" })).toEqual([]);
  });

  it("takes thirty tools and tools without properties", () => {
    const many = Array.from({ length: 30 }, (_, at) => ({ name: `tool_${at}`, parameters: {} }));
    expect(calls("Use tool_17 now", { tools: many })).toEqual(["tool_17 {}"]);
  });
});
