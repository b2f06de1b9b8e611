import { expect, test } from "vitest";
import { ParleyError } from "../../../src/model/error.ts";
import type { GenerationEvent } from "../../../src/model/event.ts";
import { Transcript } from "../../../src/model/transcript.ts";
import { chatSurface } from "../../../src/surface/chat/index.ts";
import { answerId, body, context, eventsOf, gather, parse, read, stream } from "./support.ts";
import type { Spoken } from "./support.ts";

const usage = { input: 10, cached: 4, output: 6, reasoning: 3 };
const plain: Spoken = {
  reasoning: "Short reasoning.",
  text: "A longer answer that needs some packets to arrive whole.",
  usage,
};

function single(spoken: Spoken, piece = 3): GenerationEvent[][] {
  return eventsOf(spoken, piece).map((event) => [event]);
}

test("a chunk is the live wire's, byte for byte", () => {
  const wire = stream(parse({ stream: true }), [eventsOf({ text: "Hi" })]);
  expect(wire).toBe(
    `data: {"id":"${answerId}","choices":[{"finish_reason":"stop","index":0,"delta":{"content":"Hi","role":"assistant","name":"MiniMax AI","audio_content":""}}],"created":1780152150,"model":"MiniMax-M3","object":"chat.completion.chunk","usage":null,"input_sensitive":false,"output_sensitive":false,"input_sensitive_type":0,"output_sensitive_type":0,"output_sensitive_int":0}\n\ndata: [DONE]\n\n`,
  );
});

test("sseDone false ends as the live wire does", () => {
  const wire = stream(parse({ stream: true }), [eventsOf({ text: "Hi" })], {
    surface: chatSurface({ sseDone: false }),
  });
  expect(read(wire)).toMatchObject({ done: false, chunks: [{ id: answerId }] });
});

test("finish_reason is absent until the last chunk, which carries text", () => {
  const chunks = read(stream(parse({ stream: true }), single(plain))).chunks;
  expect(chunks.length).toBeGreaterThan(3);
  expect(chunks.filter((chunk) => Object.hasOwn(chunk.choices[0] ?? {}, "finish_reason"))).toHaveLength(1);
  expect(chunks.at(-1)?.choices[0]).toMatchObject({ finish_reason: "stop" });
  expect(chunks.at(-1)?.choices[0]?.delta.content?.length).toBeGreaterThanOrEqual(5);
  expect(chunks.every((chunk) => chunk.usage === null)).toBe(true);
});

test("include_usage adds one last chunk with usage and base_resp", () => {
  const parsed = parse({ stream: true, stream_options: { include_usage: true } });
  const { chunks, done } = read(stream(parsed, single(plain)));
  expect(JSON.stringify(chunks.at(-1))).toBe(
    `{"id":"${answerId}","choices":[],"created":1780152150,"model":"MiniMax-M3","object":"chat.completion.chunk","usage":{"total_tokens":16,"total_characters":0,"prompt_tokens":10,"completion_tokens":6,"prompt_tokens_details":{"cached_tokens":4}},"base_resp":{"status_code":0,"status_msg":""}}`,
  );
  expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null && chunk.base_resp === undefined)).toBe(true);
  expect(done).toBe(true);
});

test("a call starts with id, type and name, then only arguments follow; its finish stands alone", () => {
  const args = JSON.stringify({ city: "Zürich", days: 3, note: "umbrella? sunglasses?", list: [1, 2, 3] });
  const calls = [
    { id: "call_function_abcdefghijkl_1", name: "forecast", args },
    { id: "call_function_abcdefghijkl_2", name: "now", args: "" },
  ];
  const wire = stream(parse({ stream: true }), single({ calls, finish: "calls" }));
  const deltas = read(wire).chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []);
  const first = deltas.filter((delta) => delta.index === 0);
  expect(Object.keys(first[0] ?? {})).toEqual(["id", "type", "function", "index"]);
  expect(first.slice(1).length).toBeGreaterThan(0);
  for (const delta of first.slice(1)) expect(Object.keys(delta)).toEqual(["function", "index"]);
  expect(gather(wire).calls).toEqual([
    { id: calls[0]?.id, name: "forecast", arguments: args },
    { id: calls[1]?.id, name: "now", arguments: "{}" },
  ]);
  const last = read(wire).chunks.at(-1)?.choices[0];
  expect(last).toMatchObject({ finish_reason: "tool_calls", delta: { content: "" } });
  expect(last?.delta.tool_calls).toBeUndefined();
});

test("flush starts a call whose arguments are slow to come", () => {
  const parsed = parse({ stream: true });
  const encoder = chatSurface().sse(parsed);
  const transcript = new Transcript();
  const batch: GenerationEvent[] = [
    { type: "begin" },
    { type: "call-start", index: 0, id: "call_function_a_1", name: "now" },
  ];
  transcript.apply(batch);
  expect(encoder.encode(batch, transcript)).toBe("");
  expect(encoder.pending).toBe(true);
  const delta = read(encoder.flush(transcript)).chunks[0]?.choices[0]?.delta.tool_calls?.[0];
  expect(delta).toEqual({
    id: "call_function_a_1",
    type: "function",
    function: { name: "now", arguments: "" },
    index: 0,
  });
  expect(encoder.pending).toBe(false);
});

test.each([
  ["stop", "stop"],
  ["length", "length"],
  ["calls", "tool_calls"],
  ["filter", "content_filter"],
] as const)("finish %s is %s in body and stream", (finish, wire) => {
  const parsed = parse({ stream: true });
  const events = eventsOf({ text: "something", finish });
  expect(gather(stream(parsed, [events])).finish).toBe(wire);
  const transcript = new Transcript();
  transcript.apply(events);
  expect(chatSurface().json(transcript, parsed)).toMatchObject({ choices: [{ finish_reason: wire }] });
});

test("reasoning truncated by length: closed inline, carried with the finish when split", () => {
  const spoken: Spoken = { reasoning: "I was thinking about it and then", finish: "length" };
  expect(gather(stream(parse({ stream: true }), single(spoken)))).toMatchObject({
    content: "<think>\nI was thinking about it and then\n</think>\n",
    finish: "length",
  });
  const split = read(stream(parse({ stream: true, reasoning_split: true }), single(spoken))).chunks.at(-1);
  expect(split?.choices[0]).toMatchObject({ finish_reason: "length", delta: { content: "" } });
  expect(split?.choices[0]?.delta.reasoning_content).not.toBe("");
});

test("a failure in mid-stream: what was said, the vendor's error event, then the end", () => {
  const error = new ParleyError("internal", "secret detail");
  const wire = stream(parse({ stream: true, stream_options: { include_usage: true } }), [
    eventsOf({ text: "Half an answer", finish: "error", error }),
  ]);
  const lines = wire.trim().split("\n\n");
  expect(lines).toHaveLength(2);
  expect(lines[0]).toContain(`"content":"Half an answer"`);
  expect(lines[0]).not.toContain("finish_reason");
  expect(lines[1]).toBe(
    `data: {"type":"error","error":{"type":"server_error","message":"unknown error, 999 (1000)","http_code":"500"},"request_id":"${answerId}","base_resp":{"status_code":1000,"status_msg":"unknown error, 999"}}`,
  );
});

test("a body cannot be made of a failed or unfinished answer", () => {
  const surface = chatSurface();
  const failed = new Transcript();
  failed.apply(eventsOf({ text: "Half", finish: "error", error: new ParleyError("upstream", "gone") }));
  expect(() => surface.json(failed, parse())).toThrow(expect.objectContaining({ kind: "upstream" }));
  const bare = new Transcript();
  bare.apply(eventsOf({ text: "Half", finish: "error" }));
  expect(() => surface.json(bare, parse())).toThrow(expect.objectContaining({ kind: "upstream" }));
  expect(() => surface.json(new Transcript(), parse())).toThrow(expect.objectContaining({ kind: "internal" }));
});

test("marks of moderation stand in body and in the chunks after them", () => {
  const events: GenerationEvent[] = [
    { type: "begin" },
    { type: "text-start", index: 0 },
    { type: "text-delta", index: 0, text: "A first sentence of some length. " },
    { type: "flag", side: "output", category: 5 },
    { type: "text-delta", index: 0, text: "A second sentence of some length." },
    { type: "text-end", index: 0 },
    { type: "finish", reason: "filter" },
  ];
  const chunks = read(
    stream(
      parse({ stream: true }),
      events.map((event) => [event]),
    ),
  ).chunks;
  expect(chunks[0]).toMatchObject({ output_sensitive: false, output_sensitive_type: 0 });
  expect(chunks.at(-1)).toMatchObject({ output_sensitive: true, output_sensitive_type: 5, input_sensitive: false });
  const transcript = new Transcript();
  transcript.apply(events);
  expect(chatSurface().json(transcript, parse())).toMatchObject({ output_sensitive: true, output_sensitive_type: 5 });
});

test("characters that break lines elsewhere are escaped, and come back whole", () => {
  const text = "next\u0085line\u2028separator\u2029paragraph";
  const wire = stream(parse({ stream: true }), single({ text }, 4));
  expect(wire).not.toMatch(/[\u0085\u2028\u2029]/);
  expect(gather(wire).content).toBe(text);
});

test("several blocks of reasoning and text keep their order and never share a line", () => {
  const events: GenerationEvent[] = [
    { type: "begin" },
    { type: "reasoning-start", index: 0 },
    { type: "reasoning-delta", index: 0, text: " one " },
    { type: "reasoning-end", index: 0 },
    { type: "text-start", index: 1 },
    { type: "text-delta", index: 1, text: "A" },
    { type: "text-end", index: 1 },
    { type: "reasoning-start", index: 2 },
    { type: "reasoning-delta", index: 2, text: "two" },
    { type: "reasoning-end", index: 2 },
    { type: "text-start", index: 3 },
    { type: "text-delta", index: 3, text: "B" },
    { type: "text-end", index: 3 },
    { type: "finish", reason: "stop" },
  ];
  expect(gather(stream(parse({ stream: true }), [events])).content).toBe(
    "<think>\none\n</think>\nA\n<think>\ntwo\n</think>\nB",
  );
  const split = gather(stream(parse({ stream: true, reasoning_split: true }), [events]));
  expect(split).toMatchObject({ content: "AB", reasoning: "one\ntwo", details: "one\ntwo" });
});

test("M2.5's tight think form", () => {
  const wire = stream(parse({ model: "MiniMax-M2.5", stream: true }), single({ reasoning: "\nhm\n", text: "Yes." }));
  expect(gather(wire).content).toBe("<think>hm</think>\n\nYes.");
});

test("empty reasoning leaves no trace", () => {
  const spoken = { reasoning: " \n ", text: "Yes." };
  expect(gather(stream(parse({ stream: true }), single(spoken))).content).toBe("Yes.");
  const split = read(stream(parse({ stream: true, reasoning_split: true }), single(spoken))).chunks;
  expect(JSON.stringify(split)).not.toContain("reasoning");
});

test("reasoning off leaves no trace of reasoning that came all the same", () => {
  const spoken = { reasoning: "Should not be here.", text: "\n\nYes, of course.", finish: "stop" as const };
  for (const reasoning_split of [false, true]) {
    const wire = stream(parse({ stream: true, thinking: { type: "disabled" }, reasoning_split }), single(spoken));
    expect(wire).not.toContain("here");
    expect(wire).not.toMatch(/think|reasoning/);
    expect(gather(wire).content).toBe("Yes, of course.");
  }
});

test("the packet header reaches the encoder: sizes and the longest wait", () => {
  const parsed = parse({ stream: true }, { headers: { "x-parley-packet": "min=0,wait=7" } });
  expect(chatSurface().sse(parsed).maxWaitMs).toBe(7);
  const chunks = read(stream(parsed, single({ text: "one two three" }, 4))).chunks;
  expect(chunks.map((chunk) => chunk.choices[0]?.delta.content)).toEqual(["one ", "two ", "thre", "e", ""]);
  const slow = chatSurface({ chunkSize: { maxWaitMs: 33 } });
  expect(slow.sse(slow.parse(body({ stream: true }), context())).maxWaitMs).toBe(33);
});
