import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, expectCall } from "./host.ts";
import {
  type Check,
  type Tool,
  asks,
  booking,
  calls,
  every,
  everyType,
  flights,
  forecast,
  nested,
  objectField,
  off,
  on,
  oneOf,
  parametersOf,
  pool,
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

/** The tool cases of the vendor's checks for hosts of M3: what goes over the wire. The simulator answers. */
let server: Running;
beforeAll(async () => {
  server = await startServer({ engine: "sim" });
});
afterAll(() => server.stop());

const names =
  (...wanted: string[]): Check =>
  (answer) =>
    expect(answer.calls.map(({ name }) => name)).toEqual(wanted);
const question = "What's the weather in Beijing?";
const answered: [string, object, Check][] = [
  ["a call", asks(question, weather), calls(weather)],
  ["the first of six", asks(question, ...pool(6)), calls(pool(6)[0] as Tool)],
  ["one that the text names", asks("Call get_current_time.", weather, time), calls(time)],
  ...[everyType, unitWeather, forecast, flights, booking, nested, oneOf, objectField, writeFile, special].map(
    (one): [string, object, Check] => [`arguments of ${one.function.name}`, asks(question, one), calls(one)],
  ),
  ["no parameters", asks(question, tool("get_current_time", undefined, "Get the server time")), calls(time)],
  ["no description", asks(question, tool("get_weather", parametersOf(weather))), calls(weather)],
  ["two calls of one tool", asks("get_weather and get_weather", weather), names("get_weather", "get_weather")],
  ["two tools", asks("get_weather and get_current_time", weather, time), names("get_weather", "get_current_time")],
  [
    "five tools",
    asks("get_weather, tool_1, tool_2, tool_3, tool_4", ...pool(5)),
    names("get_weather", "tool_1", "tool_2", "tool_3", "tool_4"),
  ],
  ["tool_choice none", { ...asks(question, weather), tool_choice: "none" }, talks],
  ["tool_choice required", { ...asks("Say: hello", weather), tool_choice: "required" }, calls(weather)],
  ["tool_choice auto", { ...asks(question, weather), tool_choice: "auto" }, calls(weather)],
  [
    "a named tool",
    {
      ...asks(question, weather, time),
      tool_choice: { type: "function", function: { name: "get_current_time" } },
    },
    calls(time),
  ],
  [
    "sampling, a limit and a thought",
    { ...asks(question, weather), temperature: 1, top_p: 0.95, max_tokens: 32_000, ...on },
    every(calls(weather), thought),
  ],
  [
    "tools beside json_object",
    { ...asks(question, weather), response_format: { type: "json_object" }, ...off },
    calls(weather),
  ],
  [
    "system, thought and tools",
    { messages: [{ role: "system", content: "You are kind." }, user(question)], tools: [weather], ...on },
    every(calls(weather), thought),
  ],
  ["thirty tools and a text", asks("Say: hi", ...pool(30)), talks],
  [
    "one call at a time",
    { ...asks("get_weather and get_weather", weather), parallel_tool_calls: false },
    names("get_weather"),
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

/** What a model says, exactly: arguments reach the caller sign by sign. */
test.each([false, true])("scripted calls come as they are, stream %s", async (stream) => {
  const sent = { path: "/tmp/hello.txt", content: 'hello\nworld\n "\\ 中 😀' };
  const call = { name: "write_file", arguments: sent };
  const answers = [{ answer: { text: "I write.", calls: [call, { ...call, name: "my-tool.v2" }] } }];
  const scripted = await startServer({ engines: { sim: { kind: "sim", answers } } });
  try {
    const answer = await ask(scripted, { ...asks("Write it.", writeFile, special), stream, ...off });
    expect([answer.content, answer.finish]).toEqual(["I write.", "tool_calls"]);
    expect(answer.calls.map(({ name, args }) => [name, args])).toEqual([
      ["write_file", sent],
      ["my-tool.v2", sent],
    ]);
    expectCall(answer, { name: "write_file", schema: parametersOf(writeFile) });
  } finally {
    await scripted.stop();
  }
});
