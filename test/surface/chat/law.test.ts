import fc from "fast-check";
import { expect, test } from "vitest";
import { EventBuilder } from "../../../src/model/event-builder.ts";
import type { GenerationEvent } from "../../../src/model/event.ts";
import { GrammarCheck } from "../../../src/model/event.ts";
import { chatSurface } from "../../../src/surface/chat/index.ts";
import { eventsOf, fold, gather, parse, read, stream } from "./support.ts";

/** Pieces of text as a model may emit them: words, white space, tags, emoji, combining marks, halves of pairs. */
const word = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 12 }) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      " the",
      " answer",
      "\n",
      "\n\n",
      " ",
      "天气",
      "</think>",
      "<think>",
      "👩‍💻",
      "e\u0301",
      "🇨🇭",
      "\u2028",
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 300 }) },
  { weight: 1, arbitrary: fc.constantFrom("\ud83d", "\ude00", "\u200d", "\ufe0f") },
);
const texts = fc.array(word, { maxLength: 40 });
const item = fc.oneof(
  texts.map((list) => ({ kind: "text" as const, list })),
  texts.map((list) => ({ kind: "reasoning" as const, list })),
  fc.array(fc.string({ maxLength: 30 }), { maxLength: 8 }).map((list) => ({ kind: "call" as const, list })),
);
const finishes = fc.constantFrom("stop", "length", "calls", "filter" as const);

/** A whole answer's events. */
const answer = fc.tuple(fc.array(item, { maxLength: 6 }), finishes).map(([items, finish]) => {
  const out = new EventBuilder();
  for (const [index, one] of items.entries()) {
    if (one.kind === "call") out.callStart(`call_function_abcdefghijkl_${index}`, "f");
    for (const piece of one.list) {
      if (one.kind === "text") out.text(piece);
      else if (one.kind === "reasoning") out.reasoning(piece);
      else out.callDelta(piece);
    }
    out.close();
  }
  out.usage({ input: 9, cached: 3, output: 5, reasoning: 2 });
  out.finish(finish);
  return out.take();
});

const wantings = fc.record({
  model: fc.constantFrom("MiniMax-M3", "MiniMax-M2.7", "MiniMax-M2.5"),
  reasoning_split: fc.boolean(),
});

/** Cuts events into batches at random places. */
function batchesOf(events: readonly GenerationEvent[], cuts: readonly boolean[]): GenerationEvent[][] {
  const batches: GenerationEvent[][] = [[]];
  for (const [index, event] of events.entries()) {
    batches.at(-1)?.push(event);
    if (cuts[index % Math.max(1, cuts.length)] === true) batches.push([]);
  }
  return batches;
}

interface Body {
  choices: [{ finish_reason: string; message: Record<string, unknown> }];
  usage: unknown;
}

test("json(fold(e)) is what a client gathers from sse(e), for any batches and any flushes", () => {
  fc.assert(
    fc.property(
      answer,
      wantings,
      fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
      fc.option(fc.integer({ min: 1, max: 5 })),
      (events, wanted, cuts, flush) => {
        const check = new GrammarCheck();
        for (const event of events) check.accept(event);
        check.end();
        const parsed = parse({ ...wanted, stream: true, stream_options: { include_usage: true } });
        const body = chatSurface().json(fold([events]), parsed) as Body;
        const wire = stream(parsed, batchesOf(events, cuts), flush === null ? {} : { flushEvery: flush });
        const got = gather(wire);
        const { message } = body.choices[0];
        const calls = ((message["tool_calls"] ?? []) as { id: string; function: object }[]).map(
          ({ id, function: said }) => ({ id, ...said }),
        );
        // Half of a surrogate pair survives JSON, but two halves meet again only inside one string.
        expect(got.content).toBe(message["content"]);
        expect(got.reasoning).toBe(message["reasoning_content"] ?? "");
        expect(got.details).toBe(got.reasoning);
        expect(got.calls).toEqual(calls);
        expect(got.finish).toBe(body.choices[0].finish_reason);
        expect(got.usage).toEqual(body.usage);
      },
    ),
    { numRuns: 400, seed: 20_261_120 },
  );
});

test("every chunk keeps the stream's rules", () => {
  fc.assert(
    fc.property(answer, wantings, fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }), (events, wanted, cuts) => {
      const wire = stream(parse({ ...wanted, stream: true }), batchesOf(events, cuts));
      for (const line of wire.split("\n")) expect(line === "" || line.startsWith("data: ")).toBe(true);
      const { chunks, done } = read(wire);
      expect(done).toBe(true);
      for (const [index, chunk] of chunks.entries()) {
        const choice = chunk.choices[0];
        expect(choice?.delta).toBeTruthy();
        expect(Object.hasOwn(choice ?? {}, "finish_reason")).toBe(index === chunks.length - 1);
        expect((choice?.delta.content ?? "") !== "" && (choice?.delta.reasoning_content ?? "") !== "").toBe(false);
        expect(chunk.id).toBe(chunks[0]?.id);
      }
    }),
    { numRuns: 200, seed: 7 },
  );
});

test("an answer sent back as history is the items it was made of, in both forms and from a stream", () => {
  const plain = fc
    .array(fc.constantFrom("天气", " is", " fine", "\n", "\n\n", " <b>", "1 < 2", "😀"), { maxLength: 12 })
    .map((list) => list.join(""));
  const calls = fc.array(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }), { maxLength: 3 });
  fc.assert(
    fc.property(plain, plain, calls, wantings, (rawReasoning, rawText, args, wanted) => {
      const [reasoning, text] = [rawReasoning.trim(), rawText.trim()];
      fc.pre(reasoning !== "" || text !== "" || args.length > 0);
      const said = args.map((one, index) => ({ id: `c${index}`, name: "f", args: JSON.stringify(one) }));
      const events = eventsOf({ reasoning, text, calls: said, finish: "calls" }, 5);
      const parsed = parse({ ...wanted, stream: true });
      const fromBody = (chatSurface().json(fold([events]), parsed) as Body).choices[0].message;
      const got = gather(stream(parsed, batchesOf(events, [true])));
      const fromStream = {
        role: "assistant",
        content: got.content,
        reasoning_content: got.reasoning,
        tool_calls: got.calls.map(({ id, ...said }) => ({ id, type: "function", function: said })),
      };
      const results = said.map((call) => ({ role: "tool", tool_call_id: call.id, content: "ok" }));
      for (const message of [fromBody, fromStream]) {
        const items = parse({ model: wanted.model, messages: [{ role: "user", content: "x" }, message, ...results] })
          .request.items;
        const told = items.slice(1, items.length - results.length);
        expect(told.filter((item) => item.type === "reasoning")).toEqual(
          reasoning === "" ? [] : [{ type: "reasoning", text: reasoning }],
        );
        expect(told.filter((item) => item.type === "call")).toEqual(said.map((call) => ({ type: "call", ...call })));
        const texts = told.flatMap((item) => (item.type === "message" ? item.parts : []));
        expect(texts).toEqual(text === "" ? [] : [{ type: "text", text }]);
      }
    }),
    { numRuns: 300, seed: 3, endOnFailure: true },
  );
});
