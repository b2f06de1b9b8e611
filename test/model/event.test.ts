import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventBuilder } from "../../src/model/event-builder.ts";
import { ParleyError } from "../../src/model/error.ts";
import { type Batch, type GenerationEvent, GrammarCheck } from "../../src/model/event.ts";
import { Transcript } from "../../src/model/transcript.ts";

type Operation = (out: EventBuilder) => void;

const text = fc.string({ unit: "binary", maxLength: 12 });
const count = fc.nat({ max: 1_000 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  text.map(
    (piece): Operation =>
      (out) =>
        out.text(piece),
  ),
  text.map(
    (piece): Operation =>
      (out) =>
        out.reasoning(piece),
  ),
  fc.tuple(text, text).map(
    ([id, name]): Operation =>
      (out) =>
        out.callStart(id, name),
  ),
  text.map(
    (piece): Operation =>
      (out) =>
        out.callDelta(piece),
  ),
  fc.constant<Operation>((out) => out.close()),
  fc.record({ input: count, cached: count, output: count, reasoning: count }).map(
    (usage): Operation =>
      (out) =>
        out.usage(usage),
  ),
  fc.tuple(fc.constantFrom("input" as const, "output" as const), fc.integer({ min: 1, max: 7 })).map(
    ([side, category]): Operation =>
      (out) =>
        out.flag(side, category),
  ),
);

function played(operations: readonly Operation[]): GenerationEvent[] {
  const out = new EventBuilder();
  for (const one of operations) one(out);
  out.finish("stop");
  return out.take();
}

function fold(batches: readonly Batch[]): Transcript {
  const transcript = new Transcript();
  for (const batch of batches) transcript.apply(batch);
  return transcript;
}

function checked(events: readonly GenerationEvent[]): void {
  const check = new GrammarCheck();
  for (const event of events) check.accept(event);
  check.end();
}

describe("EventEmitter", () => {
  it("keeps the grammar whatever is done with it", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        expect(() => checked(played(operations))).not.toThrow();
      }),
    );
  });

  it("says the same however often its events are taken", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(operation, fc.boolean()), { maxLength: 40 }), (steps) => {
        const out = new EventBuilder();
        const batches: Batch[] = [];
        for (const [one, take] of steps) {
          one(out);
          if (take) batches.push(out.take());
        }
        out.finish("stop");
        batches.push(out.take());
        expect(batches.flat()).toEqual(played(steps.map(([one]) => one)));
      }),
    );
  });

  it("says nothing for empty pieces and drops arguments outside a call", () => {
    const out = new EventBuilder();
    out.text("");
    out.reasoning("");
    out.callDelta("{}");
    expect(out.take()).toEqual([{ type: "begin" }]);
  });

  it("counts its calls and carries the error of its end", () => {
    const out = new EventBuilder();
    const error = new ParleyError("upstream", "gone");
    out.callStart("1", "a");
    out.callDelta("{}");
    out.callStart("2", "b");
    out.finish("error", error);
    expect(out.callCount).toBe(2);
    expect(out.take()).toEqual([
      { type: "begin" },
      { type: "call-start", index: 0, id: "1", name: "a" },
      { type: "call-delta", index: 0, args: "{}" },
      { type: "call-end", index: 0 },
      { type: "call-start", index: 1, id: "2", name: "b" },
      { type: "call-end", index: 1 },
      { type: "finish", reason: "error", error },
    ]);
  });
});

describe("Transcript", () => {
  it("folds to the same however events are batched", () => {
    const cut = fc
      .array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 20 })
      .filter((sizes) => sizes.some((size) => size > 0));
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), cut, (operations, sizes) => {
        const events = played(operations);
        const batches: Batch[] = [];
        for (let at = 0, turn = 0; at < events.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          batches.push(events.slice(at, at + size));
          at += size;
        }
        expect(fold(batches)).toEqual(fold([events]));
      }),
    );
  });

  it("gathers text, thought and calls, byte for byte", () => {
    const out = new EventBuilder();
    out.reasoning("想一");
    out.reasoning("想");
    out.text("👩‍👩‍");
    out.text("👧‍👦");
    out.callStart("c1", "f");
    out.callDelta('{"a"');
    out.callDelta(":1}");
    out.text("!");
    out.usage({ input: 1, cached: 0, output: 1, reasoning: 0 });
    out.usage({ input: 2, cached: 1, output: 3, reasoning: 1 });
    out.flag("input", 2);
    out.flag("output", 7);
    out.finish("calls");
    const transcript = fold([out.take()]);
    expect(transcript.reasoning()).toBe("想一想");
    expect(transcript.text()).toBe("👩‍👩‍👧‍👦!");
    expect(transcript.calls()).toEqual([{ type: "call", id: "c1", name: "f", args: '{"a":1}', done: true }]);
    expect(transcript.usage).toEqual({ input: 2, cached: 1, output: 3, reasoning: 1 });
    expect([transcript.inputFlag, transcript.outputFlag]).toEqual([2, 7]);
    expect(transcript.finish).toEqual({ reason: "calls" });
    expect(transcript.items.every((item) => item.done)).toBe(true);
  });

  it("shows an item that is still growing", () => {
    const out = new EventBuilder();
    out.text("half");
    expect(fold([out.take()]).items).toEqual([{ type: "text", text: "half", done: false }]);
  });

  it("refuses an event of an item that never began", () => {
    expect(() => fold([[{ type: "text-delta", index: 0, text: "x" }]])).toThrow("no item 0");
  });
});

describe("GrammarCheck", () => {
  const begin: GenerationEvent = { type: "begin" };
  const finish: GenerationEvent = { type: "finish", reason: "stop" };
  const start = (index: number): GenerationEvent => ({ type: "text-start", index });
  const end = (index: number): GenerationEvent => ({ type: "text-end", index });

  it.each<[string, GenerationEvent[]]>([
    ["before begin", [finish]],
    ["second begin", [begin, begin]],
    ["after finish", [begin, finish, finish]],
    ["without finish", [begin]],
    ["without finish", []],
    ["item index 1 after -1", [begin, start(1)]],
    ["item index 0 after 0", [begin, start(0), end(0), start(0)]],
    ["text-start inside text 0", [begin, start(0), start(1)]],
    ["outside its item", [begin, { type: "text-delta", index: 0, text: "x" }]],
    ["outside its item", [begin, start(0), { type: "reasoning-delta", index: 0, text: "x" }]],
    ["outside its item", [begin, start(0), end(0), end(0)]],
    ["finish inside text 0", [begin, start(0), finish]],
  ])("refuses %s", (message, events) => {
    expect(() => checked(events)).toThrow(message);
  });

  it("takes usage and flags inside an item", () => {
    const usage: GenerationEvent = { type: "usage", usage: { input: 1, cached: 0, output: 0, reasoning: 0 } };
    expect(() =>
      checked([begin, start(0), usage, { type: "flag", side: "output", category: 1 }, end(0), usage, finish]),
    ).not.toThrow();
  });
});
