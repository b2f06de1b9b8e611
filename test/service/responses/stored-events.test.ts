import { describe, expect, it } from "vitest";
import { finish } from "../../../src/lib/time-slices.ts";
import { parseJson, type JsonObject } from "../../../src/model/json.ts";
import type { ResponseEvent } from "../../../src/model/response.ts";
import { formatEvents, parseEvents } from "../../../src/service/responses/stored-events.ts";

const tools = [{ type: "function", name: "f", description: "x".repeat(10_000), parameters: { type: "object" } }];
const body: JsonObject = {
  id: "r",
  status: "completed",
  output: [{ id: "m", type: "message" }],
  usage: { input_tokens: 1 },
  error: null,
  instructions: "be kind ".repeat(1_000),
  tools,
};
const begun = { ...body, status: "in_progress", output: [], usage: null };
const events: ResponseEvent[] = [
  { type: "response.created", sequence_number: 0, response: begun },
  { type: "response.in_progress", sequence_number: 1, response: { ...begun, later: undefined } },
  { type: "response.output_text.delta", sequence_number: 2, delta: "hi", response: "not an object" },
  { type: "response.completed", sequence_number: 3, response: { ...body, output: [{ id: "m", type: "message" }] } },
];
const read = (text: string, stored: JsonObject = body): ResponseEvent[] =>
  finish(parseEvents({ id: "r", events: parseJson(text), body: stored }));

describe("stored events", () => {
  it("are read back byte for byte, and hold what the body holds only once", () => {
    const text = finish(formatEvents(events, body)).join("");
    expect(text.length).toBeLessThan(1_000);
    expect(JSON.stringify(read(text))).toBe(JSON.stringify(events));
  });

  it("of older rows are read as they stand", () => {
    expect(JSON.stringify(read(JSON.stringify(events), {}))).toBe(JSON.stringify(events));
  });

  it.each(["{", "{}", '{"version":2,"events":[]}', '{"version":1,"events":[{}]}', '[{"type":"x"}]', "null"])(
    "that cannot be read are an error: %s",
    (text) => {
      expect(() => read(text)).toThrow("the stored events of response r cannot be read");
    },
  );
});
