import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, expectCall } from "./host.ts";
import {
  type Check,
  type Tool,
  asks,
  beijing,
  booking,
  calls,
  every,
  everyType,
  flights,
  forecast,
  isForBeijing,
  nested,
  objectField,
  off,
  on,
  oneOf,
  parametersOf,
  pool,
  shanghai,
  special,
  talks,
  thought,
  time,
  tool,
  unitWeather,
  user,
  weather,
  writeFile,
} from "./host-tool.ts";
import { startServer, type Running } from "./start.ts";

/** The tool cases of the vendor's checks for hosts of M3, restated; the simulator answers. */
let server: Running;
beforeAll(async () => {
  server = await startServer({ engine: "sim" });
});
afterAll(() => server.stop());

const answered: [string, object, Check][] = [
  ["a call", asks("What's the weather in Beijing?", weather), isForBeijing],
  ["a short question", asks("Weather in Beijing?", weather), isForBeijing],
  [
    "a tool asked for by name",
    { ...asks("Use the get_weather tool to fetch weather for Beijing.", weather), tool_choice: "auto" },
    isForBeijing,
  ],
  [
    "the right tool of six",
    {
      messages: [
        { role: "system", content: "You are a helpful assistant. Use tools when appropriate." },
        user("What's the weather in Beijing?"),
      ],
      tools: pool(6),
    },
    calls(pool(6)[0] as Tool),
  ],
  [
    "arguments of every type",
    asks("Call the complex tool with str_param='hello'", everyType),
    calls(everyType, { str_param: "hello" }),
  ],
  [
    "no parameters",
    asks("What time is it now? Call the tool.", tool("get_current_time", undefined, "Get the current server time")),
    calls(time),
  ],
  ["no description", asks("What's the weather in Beijing?", tool("get_weather", parametersOf(weather))), isForBeijing],
  [
    "two cities",
    asks("What's the weather in Beijing and Shanghai?", weather),
    (answer) =>
      expect(answer.calls.map(({ name, args }) => [name, args])).toEqual([
        ["get_weather", beijing],
        ["get_weather", shanghai],
      ]),
  ],
  ["tool_choice none", { ...asks("What's the weather in Beijing?", weather), tool_choice: "none" }, talks],
  [
    "tool_choice required",
    { ...asks("What's the weather in Beijing?", weather), tool_choice: "required" },
    isForBeijing,
  ],
  ["tool_choice required, small talk", { ...asks("Hello!", weather), tool_choice: "required" }, calls(weather)],
  ["tool_choice auto", { ...asks("What's the weather in Beijing?", weather), tool_choice: "auto" }, isForBeijing],
  [
    "a named tool",
    {
      ...asks("What's the weather in Beijing?", weather, time),
      tool_choice: { type: "function", function: { name: "get_current_time" } },
    },
    calls(time),
  ],
  [
    "two tools at once",
    asks("What's the weather in Beijing AND what's the current server time? Please call both tools.", weather, time),
    (answer) => {
      expect(answer.calls.map(({ name }) => name).toSorted()).toEqual(["get_current_time", "get_weather"]);
      expect(answer.calls.find(({ name }) => name === "get_weather")?.args).toEqual(beijing);
    },
  ],
  [
    "an enum",
    asks("What's the weather in New York? Use fahrenheit as the temperature unit.", unitWeather),
    calls(unitWeather, { location: "New York", unit: "fahrenheit" }),
  ],
  [
    "a number in bounds",
    asks("Give me a 3-day weather forecast for Beijing.", forecast),
    calls(forecast, { ...beijing, days: 3 }),
  ],
  [
    "several required fields",
    asks("Search flights from Beijing to Tokyo on 2026-06-15.", flights),
    calls(flights, { from_city: "Beijing", to_city: "Tokyo", date: "2026-06-15" }),
  ],
  [
    "a list of objects",
    asks("Book hotel H001 for check-in on 2026-07-01 with 2 guests: Alice (age 30) and Bob (age 25).", booking),
    calls(booking, {
      hotel_id: "H001",
      check_in: "2026-07-01",
      guests: [
        { name: "Alice", age: 30 },
        { name: "Bob", age: 25 },
      ],
    }),
  ],
  ["four levels", asks("Call the nested tool", nested), calls(nested)],
  [
    "a choice of schemas",
    asks(
      '调用 ExampleFunction, 连续三次, 中间不要等待, 第一次只用参数 number = 42, 第二次只用参数 stringList = ["12", "34"], 第三次只用参数 numberList = [12, 34].',
      oneOf,
    ),
    (answer) =>
      expect(answer.calls.map(({ name, args }) => [name, args])).toEqual([
        ["ExampleFunction", { number: 42 }],
        ["ExampleFunction", { stringList: ["12", "34"] }],
        ["ExampleFunction", { numberList: [12, 34] }],
      ]),
  ],
  [
    "an object for a field",
    {
      ...asks(
        'Call the tool `example` with "some-string" for `string` field and `{"some-key": "some-value"}` for `object` field. Don\'t do anything else, just call the tool and don\'t consider too much.',
        objectField,
      ),
      tool_choice: "auto",
      temperature: 1,
      top_p: 0.95,
      max_tokens: 32_000,
      ...on,
    },
    calls(objectField, { string: "some-string", object: { "some-key": "some-value" } }),
  ],
  [
    "tools, and JSON asked for",
    { ...asks("What's the weather in Beijing? Return as JSON.", weather), tool_choice: "auto", ...off },
    isForBeijing,
  ],
  [
    "tools beside json_object",
    {
      ...asks("What's the weather in Beijing? Return as JSON.", weather),
      response_format: { type: "json_object" },
      ...off,
    },
    isForBeijing,
  ],
  [
    "five tools",
    asks(
      "Call all 5 tools: get_weather with Beijing, tool_1 with A, tool_2 with B, tool_3 with C, tool_4 with D",
      ...pool(5),
    ),
    (answer) =>
      expect(answer.calls.map(({ name, args }) => [name, args?.["param"]])).toEqual(
        ["Beijing", "A", "B", "C", "D"].map((value, index) => [index === 0 ? "get_weather" : `tool_${index}`, value]),
      ),
  ],
  [
    "system, thought and tools",
    {
      messages: [
        { role: "system", content: "You are a weather expert." },
        user("What's the weather in Tokyo? Think step by step."),
      ],
      tools: [weather],
      ...on,
    },
    every(calls(weather, { location: "Tokyo" }), thought),
  ],
  ["thirty tools and a greeting", asks("Hello, just say hi", ...pool(30)), talks],
  ["a name with - and .", asks("Call my-tool.v2 with x='hello'", special), calls(special, { x: "hello" })],
  [
    "a text that ends with a newline",
    asks(
      "Call write_file exactly once to create '/tmp/hello.txt'. The file body MUST be the two lines below and MUST end with a trailing newline (`\\n`), i.e. `content` ends with a `\\n` character:\nline 1: hello\nline 2: world\nSo `content` should be exactly `hello\\nworld\\n` (12 chars: h,e,l,l,o,\\n,w,o,r,l,d,\\n).",
      writeFile,
    ),
    (answer) => {
      expectCall(answer, { name: "write_file" });
      expect(answer.calls[0]?.args).toEqual({ path: "/tmp/hello.txt", content: "hello\nworld\n" });
    },
  ],
  [
    "one call at a time",
    { ...asks("What's the weather in Beijing and Shanghai?", weather), parallel_tool_calls: false },
    (answer) => expect(answer.calls).toHaveLength(1),
  ],
];

describe.each([false, true])("tools, stream %s", (stream) => {
  test.each(answered)("%s", async (_name, body, check) => {
    const usage = stream ? { stream_options: { include_usage: true } } : {};
    const answer = await ask(server, { ...body, stream, ...usage });
    expect([answer.status, answer.error]).toEqual([200, ""]);
    check(answer);
  });
});
