import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { ParleyError, type ErrorKind } from "../../../src/model/error.ts";
import { EventBuilder } from "../../../src/model/event-builder.ts";
import type { GenerationEvent } from "../../../src/model/event.ts";
import { answerId, eventsOf, fold } from "../chat/support.ts";
import { cipher, gather, parse, read, sign, stream, surface } from "./support.ts";

const usage = { input: 40, cached: 30, output: 12, reasoning: 5 };
const spoken = {
  reasoning: "\nI look.\n",
  text: "\n\nOne moment.",
  calls: [{ id: "call_function_abcdefghijkl_1", name: "f", args: '{"a": 1}' }],
  usage,
  finish: "calls" as const,
};
const thinking = { thinking: { type: "adaptive" } };

test("a body has the keys of the vendor's sample, in its order", () => {
  expect(JSON.stringify(surface.json(fold([eventsOf(spoken)]), parse(thinking)))).toBe(
    JSON.stringify({
      id: answerId,
      type: "message",
      role: "assistant",
      model: "MiniMax-M3",
      content: [
        { thinking: "I look.", signature: sign("I look."), type: "thinking" },
        { text: "One moment.", type: "text" },
        { type: "tool_use", id: "call_function_abcdefghijkl_1", name: "f", input: { a: 1 } },
      ],
      usage: { input_tokens: 10, output_tokens: 12, cache_creation_input_tokens: 0, cache_read_input_tokens: 30 },
      stop_reason: "tool_use",
      stop_sequence: null,
    }),
  );
});

test("a stream has the vendor's events, each named by its type", () => {
  const events = read(stream(parse(thinking), [eventsOf(spoken)]));
  expect(events.map(({ type, delta }) => (delta?.["type"] as string | undefined) ?? type)).toEqual([
    "message_start",
    "ping",
    "content_block_start",
    "thinking_delta",
    "signature_delta",
    "content_block_stop",
    "content_block_start",
    "text_delta",
    "content_block_stop",
    "content_block_start",
    "input_json_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
  expect(events[0]?.message).toEqual({
    id: answerId,
    type: "message",
    role: "assistant",
    model: "MiniMax-M3",
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: {
      input_tokens: 10,
      output_tokens: 0,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 30,
      service_tier: "standard",
    },
  });
});

test("a tool that was left out is named, in the body and at the beginning of the stream", () => {
  const tools = [{ type: "web_search_20250305", name: "web_search" }];
  const parsed = parse({ tools });
  const parley = { dropped_tools: ["web_search_20250305"] };
  expect(surface.json(fold([eventsOf(spoken)]), parsed)).toMatchObject({ parley });
  expect(read(stream(parsed, [eventsOf(spoken)]))[0]?.message).toMatchObject({ parley });
  expect(surface.json(fold([eventsOf(spoken)]), parse())).not.toHaveProperty("parley");
});

describe("thinking", () => {
  it("is not shown where it is off", () => {
    const parsed = parse();
    const batches = [eventsOf(spoken)];
    expect(surface.json(fold(batches), parsed)).toMatchObject({ content: [{ type: "text" }, { type: "tool_use" }] });
    expect(gather(stream(parsed, batches))).toMatchObject({ content: [{ type: "text" }, { type: "tool_use" }] });
  });

  it("stays in the signature, encrypted for its owner, where its text is omitted", () => {
    const parsed = parse({ thinking: { type: "adaptive", display: "omitted" } }, { owner: "key:1" });
    for (const message of [
      surface.json(fold([eventsOf(spoken)]), parsed),
      gather(stream(parsed, [eventsOf(spoken)])),
    ]) {
      const { content } = message as { content: { thinking: string; signature: string }[] };
      expect(content[0]?.thinking).toBe("");
      expect(cipher.ofOwner("key:1").decrypt(content[0]?.signature ?? "")).toBe("reasoning:I look.");
      expect(() => cipher.ofOwner("key:2").decrypt(content[0]?.signature ?? "")).toThrow();
    }
  });
});

test.each([
  ["stop", undefined, { stop_reason: "end_turn", stop_sequence: null }],
  ["stop", "END", { stop_reason: "stop_sequence", stop_sequence: "END" }],
  ["length", undefined, { stop_reason: "max_tokens", stop_sequence: null }],
  ["calls", undefined, { stop_reason: "tool_use", stop_sequence: null }],
  ["filter", undefined, { stop_reason: "refusal", stop_sequence: null }],
] as const)("an answer that ends with %s (%s)", (finish, stopText, ending) => {
  const out = new EventBuilder();
  out.text("a");
  out.finish(finish, undefined, stopText);
  const events = out.take();
  expect(surface.json(fold([events]), parse())).toMatchObject(ending);
  expect(gather(stream(parse(), [events]))).toMatchObject(ending);
});

describe("an error", () => {
  it.each<[ErrorKind, number, string]>([
    ["invalid", 400, "invalid_request_error"],
    ["context", 400, "invalid_request_error"],
    ["unauthenticated", 401, "authentication_error"],
    ["key-rejected", 401, "authentication_error"],
    ["balance", 402, "billing_error"],
    ["forbidden", 403, "permission_error"],
    ["not-found", 404, "not_found_error"],
    ["method", 405, "invalid_request_error"],
    ["too-large", 413, "request_too_large"],
    ["input-sensitive", 422, "invalid_request_error"],
    ["rate-limit", 429, "rate_limit_error"],
    ["internal", 500, "api_error"],
    ["upstream", 502, "api_error"],
    ["timeout", 504, "timeout_error"],
    ["overloaded", 529, "overloaded_error"],
  ])("%s is %i %s", (kind, status, type) => {
    const reply = surface.error(new ParleyError(kind, "words", { retryAfter: 2 }), "id");
    expect(reply).toMatchObject({ status, headers: { "retry-after": "2" } });
    expect(reply.body).toMatchObject({ type: "error", request_id: "id", error: { type } });
  });

  it("ends a stream that has begun, and is the only event of one that has not", () => {
    const failed = { ...spoken, calls: [], finish: "error" as const, error: new ParleyError("overloaded", "busy") };
    const error = { type: "error", request_id: answerId, error: { type: "overloaded_error", message: "busy" } };
    for (const batches of [[eventsOf(failed)], eventsOf(failed).map((event) => [event])]) {
      const events = read(stream(parse(), batches));
      const [start, ping, block] = events.map(({ type }) => type);
      expect([start, ping, block]).toEqual(["message_start", "ping", "content_block_start"]);
      expect(events.slice(-2)).toEqual([{ type: "content_block_stop", index: 0 }, error]);
    }
    const atOnce: GenerationEvent[] = [
      { type: "begin" },
      { type: "finish", reason: "error", error: new ParleyError("overloaded", "busy") },
    ];
    expect(read(stream(parse(), [atOnce]))).toEqual([error]);
  });
});

const word = fc.constantFrom(
  " the",
  "answer",
  "\n",
  "\n\n",
  " ",
  "天气",
  "👩‍💻",
  "e\u0301",
  "\u2028",
  "\ud83d",
  "\ude00",
  "x".repeat(300),
);
const texts = fc.array(word, { maxLength: 20 });
const item = fc.oneof(
  texts.map((list) => ({ kind: "text" as const, list })),
  texts.map((list) => ({ kind: "reasoning" as const, list })),
  fc.constantFrom([], ['{"a"', ": 1}"], ['{"a": ']).map((list) => ({ kind: "call" as const, list })),
);
const answer = fc.tuple(
  fc.array(item, { maxLength: 6 }),
  fc.constantFrom("stop", "length", "calls", "filter" as const),
);

test("the body is what a client gathers from the stream, for any batches and any flushes", () => {
  const wanted = fc.record({
    type: fc.constantFrom("adaptive", "disabled"),
    display: fc.constantFrom("summarized", "omitted"),
  });
  fc.assert(
    fc.property(
      answer,
      wanted,
      fc.array(fc.boolean(), { minLength: 1 }),
      fc.integer({ min: 1, max: 9 }),
      ([list, finish], want, cuts, flushEvery) => {
        const out = new EventBuilder();
        for (const [index, one] of list.entries()) {
          if (one.kind === "call") out.callStart(`call_function_abcdefghijkl_${index}`, "f");
          for (const piece of one.list) {
            if (one.kind === "text") out.text(piece);
            else if (one.kind === "reasoning") out.reasoning(piece);
            else out.callDelta(piece);
          }
          out.close();
        }
        out.usage(usage);
        out.finish(finish);
        const batches: GenerationEvent[][] = [[]];
        for (const [index, event] of out.take().entries()) {
          batches.at(-1)?.push(event);
          if (cuts[index % cuts.length] === true) batches.push([]);
        }
        const parsed = parse({ thinking: want });
        const whole = plain(surface.json(fold(batches), parsed));
        expect(plain(gather(stream(parsed, batches, flushEvery)))).toEqual(whole);
      },
    ),
    { numRuns: 300 },
  );
});

/** As JSON carries it; encrypted signatures are opened, because a nonce makes each its own. */
function plain(message: unknown): unknown {
  const shown = JSON.stringify(message, (key, value: unknown) =>
    key === "signature" && typeof value === "string" && value.startsWith("p1.") ? cipher.decrypt(value) : value,
  );
  return JSON.parse(shown);
}
