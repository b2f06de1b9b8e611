import fc from "fast-check";
import { expect, test } from "vitest";
import { responsesCodec, socketError } from "../../../src/surface/responses/index.ts";
import { Transcript } from "../../../src/model/transcript.ts";
import { ParleyError } from "../../../src/model/error.ts";
import { answers, batchesOf, cutPlaces } from "./answers.ts";
import { eventSchemas, problems } from "./open-responses.ts";
import type { WireEvent } from "./harness.ts";
import { answer, eventsOf, folded, options, parseM3, streamed, surfaceWith } from "./harness.ts";

/** OpenAI's SDKs, Codex and the vendor call these events by another name than Open Responses does; the fields agree. */
const renamed: Record<string, string> = {
  "response.reasoning_text.delta": "response.reasoning.delta",
  "response.reasoning_text.done": "response.reasoning.done",
};

const request = {
  instructions: "Be brief.",
  tools: [{ type: "function", name: "get_weather", description: "w", parameters: { type: "object" }, strict: true }],
  tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "get_weather" }] },
  text: { format: { type: "json_schema", name: "a", schema: { type: "object" }, strict: true }, verbosity: "low" },
  reasoning: { effort: "high", summary: "auto" },
  include: ["reasoning.encrypted_content"],
  metadata: { a: "b" },
  max_output_tokens: 100,
};

/** Open Responses knows no calls but function calls, so answers with other forms of calls are left out here. */
const functionsOnly: readonly string[] = ["get_weather", "undeclared"];

function eventProblems(event: WireEvent): string[] {
  const type = renamed[event.type] ?? event.type;
  const schema = eventSchemas.get(type);
  return schema === undefined ? [`no schema for ${event.type}`] : problems({ ...event, type }, schema);
}

test.each(["auto", null])("every event and body of any answer is valid Open Responses, summary %s", (summary) => {
  fc.assert(
    fc.property(answers, cutPlaces, (events, places) => {
      fc.pre(events.every((event) => event.type !== "call-start" || functionsOnly.includes(event.name)));
      const parsed = parseM3({ ...request, reasoning: { effort: "high", summary } });
      const wire = eventsOf(streamed(parsed, batchesOf(events, places)));
      expect(wire.flatMap(eventProblems)).toEqual([]);
      expect(wire.map((event) => event.sequence_number)).toEqual(wire.keys().toArray());
      expect(problems(surfaceWith().json(folded(events), parsed), "ResponseResource")).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test("a request with defaults only gives a valid body", () => {
  const body = surfaceWith().json(folded(answer((emitter) => emitter.text("Hi"))), parseM3({}));
  expect(problems(body, "ResponseResource")).toEqual([]);
});

test.each(["queued", "in_progress"] as const)("the body of a %s response is valid", (status) => {
  const body = responsesCodec(options).encoder(parseM3(request)).body(new Transcript(), status);
  expect(problems(body, "ResponseResource")).toEqual([]);
  expect(body).toMatchObject({ status, output: [], output_text: "", usage: null, completed_at: null });
});

test("the events of a background response begin with created and queued", () => {
  const parsed = parseM3({ background: true });
  const events = responsesCodec(options).encoder(parsed);
  const batch = answer((emitter) => emitter.text("Hi"));
  const all = [...events.queued(), ...events.accept(batch, folded(batch))];
  expect(all.flatMap((event) => eventProblems(event))).toEqual([]);
  expect(all.slice(0, 4).map(({ type }) => type)).toEqual([
    "response.created",
    "response.queued",
    "response.in_progress",
    "response.output_item.added",
  ]);
  expect(all.map((event) => event.sequence_number)).toEqual(all.keys().toArray());
});

test("the checker does find faults", () => {
  const body = responsesCodec(options).encoder(parseM3({})).body(new Transcript(), "queued");
  expect(problems({ ...body, top_p: null }, "ResponseResource")).toHaveLength(1);
  expect(problems({ ...body, output: [{ type: "message" }] }, "ResponseResource")).toHaveLength(1);
  expect(problems({ ...body, usage: undefined }, "ResponseResource")).toEqual([".usage: is missing"]);
});

test("a socket error is valid and carries the error's own code", () => {
  const error = new ParleyError("invalid", "unknown", {
    param: "previous_response_id",
    code: "previous_response_not_found",
  });
  const message = socketError(error);
  expect(problems(message, "WebSocketErrorEvent")).toEqual([]);
  expect(message).toMatchObject({
    type: "error",
    status: 400,
    error: { code: "previous_response_not_found", param: "previous_response_id" },
  });
});
