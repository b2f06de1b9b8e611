import { expect } from "vitest";
import { type Answer, expectCall, spoken, thinks } from "./host.ts";

/** Tools that the checks for hosts declare, turns of a talk about them, and what an answer must hold. */
export interface Tool {
  type: "function";
  function: { name: string; description?: string; parameters?: object };
}

const text = { type: "string" };
const object = (properties: Record<string, object>, ...required: string[]): object => ({
  type: "object",
  properties,
  ...(required.length > 0 && { required }),
});
export const tool = (name: string, parameters?: object, description?: string): Tool => ({
  type: "function",
  function: {
    name,
    ...(description !== undefined && { description }),
    ...(parameters !== undefined && { parameters }),
  },
});
export const parametersOf = (one: Tool): object => one.function.parameters ?? {};

export const weather = tool(
  "get_weather",
  object({ location: { ...text, description: "City name" } }, "location"),
  "Get current weather for a city",
);
export const time = tool("get_current_time", object({}), "Get the current server time (UTC)");
export const unitWeather = tool(
  "get_weather_with_unit",
  object({ location: text, unit: { ...text, enum: ["celsius", "fahrenheit"] } }, "location", "unit"),
  "Get current weather with temperature unit",
);
export const forecast = tool(
  "get_weather_forecast",
  object({ location: text, days: { type: "integer", minimum: 1, maximum: 14 } }, "location", "days"),
  "Get N-day weather forecast for a city",
);
export const flights = tool(
  "search_flights",
  object(
    {
      from_city: { ...text, description: "Departure city" },
      to_city: { ...text, description: "Destination city" },
      date: { ...text, description: "Flight date in YYYY-MM-DD" },
      passengers: { type: "integer", minimum: 1, maximum: 9 },
    },
    ...["from_city", "to_city", "date"],
  ),
  "Search flights between two cities on a specific date",
);
const guest = object({ name: text, age: { type: "integer", minimum: 0, maximum: 120 } }, "name", "age");
export const booking = tool(
  "book_room",
  object(
    {
      hotel_id: text,
      check_in: { ...text, description: "YYYY-MM-DD" },
      guests: { type: "array", minItems: 1, items: guest },
    },
    ...["hotel_id", "check_in", "guests"],
  ),
  "Book a hotel room for multiple guests",
);
export const everyType = tool(
  "complex_tool",
  object(
    {
      str_param: text,
      int_param: { type: "integer" },
      float_param: { type: "number" },
      bool_param: { type: "boolean" },
      arr_param: { type: "array", items: text },
      obj_param: object({ key: text }),
    },
    "str_param",
  ),
  "Tool with 6 parameter types",
);
export const nested = tool(
  "nested_tool",
  object({ level1: object({ level2: object({ level3: object({ level4: text }) }) }) }),
  "Tool with 4-level nested schema",
);
const branch = (properties: Record<string, object>): object => ({ additionalProperties: false, ...object(properties) });
export const oneOf = tool(
  "ExampleFunction",
  {
    oneOf: [
      branch({ number: { type: "number" } }),
      branch({ stringList: { type: "array", items: text } }),
      branch({ numberList: { type: "array", items: { type: "number" } } }),
    ],
    type: "object",
  },
  "An example function to verify the parameters.",
);
export const objectField = tool("example", object({ string: text, object: { type: "object" } }, "string", "object"));
export const writeFile = tool(
  "write_file",
  object({ path: text, content: text }, "path", "content"),
  "Write text to a file.",
);
export const readFile = tool("read_file", object({ path: text }, "path"), "Read the content of a file");
export const special = tool("my-tool.v2", object({ x: text }), "Tool with special chars in name");
/** The first is the weather, the rest have no meaning; each takes one text. */
export const pool = (count: number): Tool[] =>
  Array.from({ length: count }, (_, index) =>
    tool(index === 0 ? "get_weather" : `tool_${index}`, object({ param: text }, "param"), `Tool ${index} description`),
  );

export const user = (content: string): object => ({ role: "user", content });
export const called = (id: string, args: unknown, name = "get_weather"): object => ({
  role: "assistant",
  content: null,
  tool_calls: [
    { id, type: "function", function: { name, arguments: typeof args === "string" ? args : JSON.stringify(args) } },
  ],
});
export const told = (id: string, content?: unknown): object => ({
  role: "tool",
  tool_call_id: id,
  ...(content !== undefined && { content }),
});
export const beijing = { location: "Beijing" };
export const shanghai = { location: "Shanghai" };
export const asks = (question: string, ...tools: Tool[]): object => ({ messages: [user(question)], tools });
/** A question, the weather of Beijing asked for, and the result as given. */
export const afterCall = (result: object, ...more: object[]): object => ({
  messages: [user("What's the weather?"), called("call_1", beijing), result, ...more],
  tools: [weather],
});
export const on = { thinking: { type: "adaptive" } };
export const off = { thinking: { type: "disabled" } };

export type Check = (answer: Answer) => void;
export const calls =
  (one: Tool, args: Record<string, unknown> = {}): Check =>
  (answer) => {
    expectCall(answer, { name: one.function.name, args, schema: parametersOf(one) });
    expect(answer.finish).toBe("tool_calls");
  };
/** Says something and calls nothing. */
export const talks: Check = (answer) => {
  expect(answer.calls).toEqual([]);
  expect(spoken(answer).trim()).not.toBe("");
};
export const every =
  (...checks: Check[]): Check =>
  (answer) => {
    for (const check of checks) check(answer);
  };
export const thought: Check = (answer) => expect(thinks(answer)).toBe(true);
/** What the answer says matches. */
export const tells =
  (part: string | RegExp): Check =>
  (answer) =>
    expect(spoken(answer)).toMatch(part);
