import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../../src/model/json.ts";
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
const record = (text: string): { id: string; events: string } => ({ id: "r", events: text });

describe("stored events", () => {
  it("are read back byte for byte, and hold what the body holds only once", () => {
    const text = formatEvents(events, body);
    expect(text.length).toBeLessThan(1_000);
    const read = parseEvents(record(text), () => JSON.parse(JSON.stringify(body)) as JsonObject);
    expect(JSON.stringify(read)).toBe(JSON.stringify(events));
  });

  it("of older rows are read as they stand", () => {
    const read = parseEvents(record(JSON.stringify(events)), () => ({}));
    expect(JSON.stringify(read)).toBe(JSON.stringify(events));
  });

  it.each(["{", "{}", '{"version":2,"events":[]}', '{"version":1,"events":[{}]}', '[{"type":"x"}]', "null"])(
    "that cannot be read are an error: %s",
    (text) => {
      expect(() => parseEvents(record(text), () => body)).toThrow("the stored events of response r cannot be read");
    },
  );
});
