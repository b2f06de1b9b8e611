import fc from "fast-check";
import OpenAI from "openai";
import { expect, test } from "vitest";
import type { Batch } from "../../../src/model/event.ts";
import type { ParsedRequest } from "../../../src/surface/surface.ts";
import type { ResponsesAnswerOptions } from "../../../src/surface/responses/index.ts";
import { answers, batchesOf, cutPlaces } from "./answers.ts";
import type { WireEvent } from "./harness.ts";
import { answer, eventsOf, folded, parseM3, streamed, surfaceWith } from "./harness.ts";

const tools = [
  { type: "function", name: "get_weather", parameters: { type: "object", properties: {} } },
  { type: "namespace", name: "agents", description: "n", tools: [{ type: "function", name: "spawn" }] },
  { type: "custom", name: "run_code" },
  { type: "local_shell" },
  { type: "shell" },
  { type: "apply_patch" },
];
const request = { tools, include: ["reasoning.encrypted_content"], reasoning: { effort: "high" } };

/** What the openai package makes of a stream, through its own SSE reader and accumulator. */
async function accumulated(text: string): Promise<Record<string, unknown>> {
  const client = new OpenAI({
    apiKey: "key",
    baseURL: "http://parley.invalid/v1",
    maxRetries: 0,
    fetch: () => Promise.resolve(new Response(text, { headers: { "content-type": "text/event-stream" } })),
  });
  const final = await client.responses.stream({ model: "MiniMax-M3", input: "Hello!" }).finalResponse();
  return withoutParsed(structuredClone(final)) as Record<string, unknown>;
}

/** The package adds its own `parsed` fields to what it read. */
function withoutParsed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutParsed);
  if (typeof value !== "object" || value === null) return value;
  const own = Object.entries(value).filter(([key]) => !["parsed", "parsed_arguments", "output_parsed"].includes(key));
  return Object.fromEntries(own.map(([key, child]) => [key, withoutParsed(child)]));
}

/** The stream with the answer taken out of its last event, so that the package must build it from the deltas. */
function withoutFinalAnswer(text: string): string {
  const blocks = text.split("\n\n").filter((block) => block !== "" && block !== "data: [DONE]");
  const last = blocks.pop() ?? "";
  const [head = "", data = ""] = last.split("\ndata: ");
  const event = JSON.parse(data) as { response: Record<string, unknown> };
  delete event.response["output"];
  delete event.response["output_text"];
  return [...blocks, `${head}\ndata: ${JSON.stringify(event)}`, ""].join("\n\n");
}

function jsonOf(events: Batch, parsed: ParsedRequest<ResponsesAnswerOptions>): unknown {
  return JSON.parse(JSON.stringify(surfaceWith().json(folded(events), parsed)));
}

test.each([undefined, "auto"])(
  "json(fold(e)) is what the openai package builds from sse(e), summary %s",
  async (summary) => {
    const parsed = parseM3({ ...request, reasoning: { effort: "high", summary } });
    await fc.assert(
      fc.asyncProperty(answers, cutPlaces, async (events, places) => {
        const text = streamed(parsed, batchesOf(events, places));
        expect(await accumulated(text)).toEqual(jsonOf(events, parsed));
        const rebuilt = await accumulated(withoutFinalAnswer(text));
        expect(rebuilt).toEqual(jsonOf(events, parsed));
      }),
      { numRuns: 150 },
    );
  },
);

/** Deltas of one item that follow each other, as one; numbers left out, for they count events. */
function merged(events: readonly WireEvent[]): Record<string, unknown>[] {
  const list: Record<string, unknown>[] = [];
  for (const { sequence_number: _number, ...event } of events) {
    const before = list.at(-1);
    const grows =
      event.type.endsWith(".delta") && before?.["type"] === event.type && before["item_id"] === event["item_id"];
    if (grows && before !== undefined) before["delta"] = `${String(before["delta"])}${String(event["delta"])}`;
    else list.push({ ...event });
  }
  return list;
}

test.each([undefined, "auto"])("batch boundaries change nothing but where deltas are cut, summary %s", (summary) => {
  const parsed = parseM3({ ...request, reasoning: { effort: "high", summary } });
  fc.assert(
    fc.property(answers, cutPlaces, (events, places) => {
      const whole = merged(eventsOf(streamed(parsed, [events])));
      expect(merged(eventsOf(streamed(parsed, batchesOf(events, places))))).toEqual(whole);
      const single = streamed(
        parsed,
        events.map((event) => [event]),
      );
      expect(merged(eventsOf(single))).toEqual(whole);
    }),
    { numRuns: 300 },
  );
});

test("the stream ends with the mark of Open Responses, or without it as the vendor's", async () => {
  const events = answer((emitter) => emitter.text("Hi"));
  const parsed = parseM3({});
  const marked = streamed(parsed, [events]);
  const bare = streamed(parsed, [events], surfaceWith({ sseDone: false }));
  expect(marked).toBe(`${bare}data: [DONE]\n\n`);
  expect(await accumulated(bare)).toEqual(await accumulated(marked));
});

test("line separators of Unicode never stand raw in a stream", () => {
  const text = "a\u2028b\u2029c\u0085d";
  const stream = streamed(parseM3({}), [answer((emitter) => emitter.text(text))]);
  expect(/[\u0085\u2028\u2029]/.test(stream)).toBe(false);
  expect(eventsOf(stream).at(-1)).toMatchObject({ response: { output_text: text } });
});

test("one megabyte of Chinese and emoji arrives byte for byte", () => {
  const text = "你好😀\n".repeat(80_000);
  const stream = streamed(parseM3({}), [answer((emitter) => emitter.text(text))]);
  const deltas = eventsOf(stream).filter(({ type }) => type === "response.output_text.delta");
  expect(deltas.map(({ delta }) => delta).join("") === text).toBe(true);
});
