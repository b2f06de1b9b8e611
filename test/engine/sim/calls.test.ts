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
  return planCalls(readTalk(requestOf(asked, { tools, ...changes })), { quiet, compose: String }).map(
    ({ name, args }) => `${name} ${args}`,
  );
}

const turn = (asked: string, name: string, args: string, result: string): Item[] => [
  message("user", asked),
  { type: "call", id: "1", name, args },
  { type: "result", id: "1", parts: [{ type: "text", text: result }], failed: false },
];

describe("planCalls", () => {
  it("calls nothing for a question about a video that a tool brought", () => {
    const fetchVideo: ToolDefinition = {
      name: "fetch_video",
      parameters: { type: "object", properties: { video_id: { type: "string" } }, required: ["video_id"] },
    };
    const bytes = new Uint8Array();
    const video = {
      type: "video",
      media: { kind: "bytes", mime: "video/mp4", bytes },
      detail: "default",
      fps: 1,
    } as const;
    const history: Item[] = [
      message("user", "Fetch video vid_001."),
      { type: "call", id: "1", name: "fetch_video", args: '{"video_id":"vid_001"}' },
      { type: "result", id: "1", parts: [{ type: "text", text: "Here it is:" }, video], failed: false },
    ];
    const after = (asked: string): string[] =>
      calls(asked, { tools: [fetchVideo], items: [...history, message("user", asked)] });
    expect(after("Describe what you see in that video.")).toEqual([]);
    expect(after('Now fetch the video with video_id "vid_002".')).toEqual(['fetch_video {"video_id":"vid_002"}']);
  });

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
    expect(calls("Weather", { toolChoice: { name: "unheard_of" } })).toEqual([]);
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

  const text = { type: "string" };
  const tool = (
    name: string,
    properties: Record<string, object>,
    required = Object.keys(properties),
  ): ToolDefinition => ({
    name,
    parameters: { type: "object", properties, required } as ToolDefinition["parameters"],
  });
  const only = (asked: string, ...offered: ToolDefinition[]): unknown[] =>
    planCalls(readTalk(requestOf(asked, { tools: offered })), {
      quiet: false,
      compose: (length) => "字".repeat(length),
    }).map(({ name, args }) => [name, JSON.parse(args)]);

  it("asks again for another place, and answers questions about what it was told", () => {
    const shown = [...turn("Weather in Rome?", "get_weather", '{"city":"Rome"}', "sun"), message("assistant", "Sun.")];
    expect(calls("", { items: [...shown, message("user", "And in Oslo?")] })).toEqual(['get_weather {"city":"Oslo"}']);
    expect(calls("", { items: [...shown, message("user", "And Oslo?")] })).toEqual(['get_weather {"city":"Oslo"}']);
    expect(calls("", { items: [...shown, message("user", "上海呢？")] })).toEqual(['get_weather {"city":"上海"}']);
    expect(calls("", { items: [...shown, message("user", "Is it warm there?")] })).toEqual([]);
  });

  it("calls every tool when asked to, each with its own part of the request", () => {
    const letters = ["tool_1", "tool_2", "tool_10"].map((name) => tool(name, { param: text }));
    expect(only("Call all 3 tools: tool_10 with A, tool_1 with B, tool_2 with C", ...letters)).toEqual([
      ["tool_1", { param: "B" }],
      ["tool_2", { param: "C" }],
      ["tool_10", { param: "A" }],
    ]);
    expect(only("请并行调用提供的2个工具", tool("save_a", {}), tool("save_b", {}))).toEqual([
      ["save_a", {}],
      ["save_b", {}],
    ]);
  });

  it("makes one call per form of a top-level oneOf that is given a value, types kept", () => {
    const forms = [
      { n: { type: "number" } },
      { words: { type: "array", items: text } },
      { sizes: { type: "array", items: { type: "number" } } },
    ];
    const parameters = {
      oneOf: forms.map((properties) => ({ type: "object", properties, additionalProperties: false })),
      type: "object",
    };
    expect(
      only('调用 pick 三次: n = 42, words = ["12", "34"], sizes = [12, 34].', { name: "pick", parameters }),
    ).toEqual([
      ["pick", { n: 42 }],
      ["pick", { words: ["12", "34"] }],
      ["pick", { sizes: [12, 34] }],
    ]);
  });

  it("takes objects, records, tagged texts and line ends from the request", () => {
    const example = tool("example", { string: text, object: { type: "object" } });
    expect(only('Call `example` with "a b" for `string` and `{"k": ["v"]}` for the `object` field.', example)).toEqual([
      ["example", { string: "a b", object: { k: ["v"] } }],
    ]);
    const guest = { type: "object", properties: { name: text, age: { type: "integer" } }, required: ["name", "age"] };
    const book = tool("book", { room_id: text, check_in: text, guests: { type: "array", items: guest } });
    expect(only("Book room R102 from 2026-07-01 for 2 guests: Ann (age 30) and Bo (age 25).", book)).toEqual([
      [
        "book",
        {
          room_id: "R102",
          check_in: "2026-07-01",
          guests: [
            { name: "Ann", age: 30 },
            { name: "Bo", age: 25 },
          ],
        },
      ],
    ]);
    const write = tool("write_file", { path: text, content: text });
    const payload = "0f".repeat(5_000);
    expect(
      only(`把 <DATA> 与 </DATA> 之间的内容写入 a_b.txt，path 必须精确为 a_b.txt。<DATA>${payload}</DATA>`, write),
    ).toEqual([["write_file", { path: "a_b.txt", content: payload }]]);
    expect(only("Create '/tmp/hi.txt'; `content` should be exactly `hi\\nyou\\n`.", write)).toEqual([
      ["write_file", { path: "/tmp/hi.txt", content: "hi\nyou\n" }],
    ]);
  });

  it("fills what is not required only where the request speaks of it", () => {
    const shell = tool("exec_command", { cmd: text, shell: text, justification: text, workdir: text }, ["cmd"]);
    expect(only("Run the command `ls -l /tmp` With Care and say 'done'.", shell)).toEqual([
      ["exec_command", { cmd: "ls -l /tmp" }],
    ]);
    expect(only("Run `ls` for me, justification: 'because'", shell)).toEqual([
      ["exec_command", { cmd: "ls", justification: "because" }],
    ]);
  });

  it("answers in a form of its own unless the request speaks of a tool", () => {
    const format = { type: "json" } as const;
    expect(calls("Where is the Eiffel tower? Reply with JSON", { format })).toEqual([]);
    expect(calls("The weather in Oslo, as JSON", { format })).toEqual(['get_weather {"city":"Oslo"}']);
    expect(calls("Where is it?", { format, toolChoice: "required" })).toHaveLength(1);
  });

  it("writes as much as an argument is asked to hold", () => {
    const [call] = only("写一篇约300字的说明，写入 note.txt", tool("write_file", { filename: text, content: text }));
    expect(call).toEqual(["write_file", { filename: "note.txt", content: "字".repeat(300) }]);
    const section = {
      type: "object",
      properties: { heading: text, paragraphs: { type: "array", items: text } },
      required: ["heading", "paragraphs"],
    };
    const [report] = only(
      "sections 至少6节，每节至少2个 paragraph，每个 paragraph 不少于150字",
      tool("save", { sections: { type: "array", items: section } }),
    ) as [[string, { sections: { paragraphs: string[] }[] }]];
    expect(report[1].sections).toHaveLength(6);
    expect(report[1].sections[0]?.paragraphs.map((one) => one.length)).toEqual([150, 150]);
  });
});
