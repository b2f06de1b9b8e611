import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, spoken } from "./host.ts";
import {
  type Check,
  afterCall,
  asks,
  beijing,
  called,
  calls,
  every,
  on,
  readFile,
  shanghai,
  talks,
  tells,
  thought,
  time,
  told,
  user,
  weather,
} from "./host-tool.ts";
import { startServer, type Running } from "./start.ts";

/** Tools in the history: the cases of the vendor's checks for hosts of M3 on the wire. The simulator answers. */
let server: Running;
beforeAll(async () => {
  server = await startServer({ engine: "sim" });
});
afterAll(() => server.stop());

const round = [user("Weather in Beijing?"), called("call_1", beijing), told("call_1", "25°C, sunny")];
const answered: [string, object, Check][] = [
  ["a result", { messages: round, tools: [weather] }, every(talks, tells("25°C, sunny"))],
  ["no tools declared any more", { messages: round }, every(talks, tells("25°C, sunny"))],
  ["other tools declared", { messages: [...round, user("And now?")], tools: [readFile] }, calls(readFile)],
  [
    "a thought, and a call after a result",
    { messages: [...round, user("And in Shanghai?")], tools: [weather], ...on },
    every(calls(weather), thought),
  ],
  [
    "two rounds",
    {
      messages: [
        { role: "system", content: "You are kind." },
        ...round,
        user("And Shanghai?"),
        called("c2", shanghai),
        told("c2", "28°C cloudy"),
      ],
      tools: [weather],
      ...on,
    },
    every(talks, thought, tells("28°C cloudy")),
  ],
  [
    "a text after a result",
    afterCall(told("call_1", "sunny, 25°C"), user("Say: thanks")),
    every(talks, tells("thanks")),
  ],
  [
    "no content beside a call",
    {
      ...afterCall(told("call_1", "sunny")),
      messages: [
        user("Weather?"),
        { role: "assistant", tool_calls: (called("c", beijing) as { tool_calls: object[] }).tool_calls },
        told("c", "sunny"),
      ],
    },
    talks,
  ],
  [
    "{} as arguments",
    {
      messages: [user("What time is it?"), called("c1", "{}", "get_current_time"), told("c1", "12:00 UTC")],
      tools: [time],
    },
    talks,
  ],
  ["an empty result", afterCall(told("call_1", "")), talks],
  ["a null result", afterCall(told("call_1", null)), talks],
  ["a result without content", afterCall(told("call_1")), talks],
  [
    "a result full of signs",
    afterCall(told("call_1", '{"temp": "25°C", "desc": "<b>Sunny</b> ☀️", "note": "It\'s \\"great\\""}')),
    every(talks, tells('<b>Sunny</b> ☀️", "note": "It\'s \\"great\\""}')),
  ],
  ["a result of 50,000 characters", afterCall(told("call_1", "A".repeat(50_000))), talks],
  [
    "arguments of 10,000 characters",
    {
      messages: [user("Weather?"), called("c1", { location: "A".repeat(10_000) }), told("c1", "sunny")],
      tools: [weather],
    },
    talks,
  ],
];

describe.each([false, true])("history, stream %s", (stream) => {
  test.each(answered)("%s", async (_name, body, check) => {
    const usage = stream ? { stream_options: { include_usage: true } } : {};
    const answer = await ask(server, { ...body, stream, ...usage });
    expect([answer.status, answer.error]).toEqual([200, ""]);
    check(answer);
  });

  test("a whole round: call, result, answer", async () => {
    const question = user("get_weather for Beijing, get_weather for Shanghai");
    const first = await ask(server, { messages: [question], tools: [weather], stream });
    const sent = first.calls.map(({ id, name, text: args }) => ({
      id,
      type: "function",
      function: { name, arguments: args },
    }));
    const turn = { role: "assistant", content: first.content, tool_calls: sent };
    const results = first.calls.map(({ id }, index) => told(id, `${20 + index}°C`));
    const last = await ask(server, { messages: [question, turn, ...results], tools: [weather], stream });
    expect(last.finish).toBe("stop");
    expect(spoken(last)).toMatch(/20°C[^]*21°C/);
  });
});

/** Each is 400, also when a stream was asked for. */
test.each<[string, object, RegExp]>([
  ["an object as a result", afterCall(told("call_1", { result: "sunny" })), /content/],
  ["a result for an unknown call", afterCall(told("call_999_wrong", "sunny")), /call_999_wrong/],
  [
    "an unknown call, and a question after it",
    afterCall(told("call_999_wrong", "sunny"), user("So?")),
    /call_999_wrong/,
  ],
  [
    "one of two calls answered",
    {
      messages: [
        user("Weather in Beijing and Shanghai?"),
        {
          ...called("call_1", beijing),
          tool_calls: [called("call_1", beijing), called("call_2", shanghai)].flatMap(
            (one) => (one as { tool_calls: object[] }).tool_calls,
          ),
        },
        told("call_1", "sunny"),
      ],
      tools: [weather],
    },
    /call_2/,
  ],
  ["a call that nobody answered", { messages: [user("Weather?"), called("c1", beijing)], tools: [weather] }, /c1/],
  ["a result without a call", { messages: [user("Weather?"), told("c1", "sunny")], tools: [weather] }, /tool/],
  [
    "arguments that are no JSON",
    { messages: [user("Weather?"), called("c1", "{invalid json}"), told("c1", "sunny")], tools: [weather] },
    /c1/,
  ],
  [
    "a named tool that is not there",
    { ...asks("Hello", weather), tool_choice: { type: "function", function: { name: "nonexistent_tool" } } },
    /nonexistent_tool/,
  ],
  ["a tool of another type", { ...asks("Hello"), tools: [{ type: "web" }] }, /invalid tool type/],
  [
    "a tool without a name",
    { ...asks("Hello"), tools: [{ type: "function", function: {} }] },
    /function name or parameters is empty/,
  ],
])("refuses %s", async (_name, body, message) => {
  for (const stream of [false, true]) {
    const answer = await ask(server, { ...body, stream });
    expect([answer.status, answer.error]).toEqual([400, expect.stringMatching(message)]);
  }
});
