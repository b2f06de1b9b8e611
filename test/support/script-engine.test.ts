import { describe, expect, it } from "vitest";
import { scriptBatches, scriptEngine } from "./script-engine.ts";
import { ParleyError } from "../../src/model/error.ts";
import { type Batch, GrammarCheck } from "../../src/model/event.ts";
import { ask, collect, requestOf } from "../contract/engine.ts";

const never = new AbortController().signal;
const begun: Batch = [
  { type: "begin" },
  { type: "text-start", index: 0 },
  { type: "text-delta", index: 0, text: "half" },
];

describe("scriptBatches", () => {
  it("says content in order, in pieces that cut no character", async () => {
    const content = {
      reasoning: "想一想",
      text: "👩‍👩‍👧‍👦 done",
      calls: [
        { id: "1", name: "f", args: '{"a":1}' },
        { id: "2", name: "g", args: "{}" },
      ],
      usage: { input: 4, cached: 1, output: 9, reasoning: 2 },
    };
    for (const piece of [1, 3, 100]) {
      const answer = await ask(scriptEngine({ batches: scriptBatches(content, piece) }), requestOf("x"));
      expect([answer.reasoning(), answer.text(), answer.calls().map(({ args }) => args), answer.usage]).toEqual([
        content.reasoning,
        content.text,
        ['{"a":1}', "{}"],
        content.usage,
      ]);
      expect(answer.finish).toEqual({ reason: "calls" });
    }
    expect(scriptBatches({ text: "👍👍👍" }, 1)).toHaveLength(4);
  });

  it("says nothing, or why it failed", () => {
    expect(scriptBatches({})).toEqual([[{ type: "begin" }, { type: "finish", reason: "stop" }]]);
    const error = new ParleyError("upstream", "gone");
    expect(scriptBatches({ finish: "error", error })).toEqual([
      [{ type: "begin" }, { type: "finish", reason: "error", error }],
    ]);
  });
});

describe("scriptEngine", () => {
  it("remembers what it was asked and answers by request", async () => {
    const engine = scriptEngine({ batches: (request) => scriptBatches({ text: request.model }), tokens: 12 });
    expect((await ask(engine, requestOf("a", { model: "one" }))).text()).toBe("one");
    expect((await ask(engine, requestOf("b", { model: "two" }))).text()).toBe("two");
    expect(engine.requests.map(({ model }) => model)).toEqual(["one", "two"]);
    expect(await engine.count(requestOf("x"), never)).toEqual({ tokens: 12, exact: true });
  });

  it("throws what the script throws before the first batch, and finishes with it after", async () => {
    const error = new ParleyError("overloaded", "full");
    const early = scriptEngine({
      batches: () => {
        throw error;
      },
    });
    await expect(ask(early, requestOf("x"))).rejects.toBe(error);
    const late = scriptEngine({
      *batches() {
        yield begun;
        throw error;
      },
    });
    const answer = await ask(late, requestOf("x"));
    expect(answer.finish).toEqual({ reason: "error", error });
    expect(answer.items).toEqual([{ type: "text", text: "half", done: true }]);
    expect(late.load().running).toBe(0);
  });

  it("plays a faulty script as it is: no finish, garbage after the end", async () => {
    const played: Batch[] = [];
    for await (const batch of scriptEngine({ batches: [begun] }).generate(requestOf("x"), never)) played.push(batch);
    expect(played).toEqual([begun]);
  });

  it("waits before each batch", async () => {
    const waited: number[] = [];
    const clock = {
      now: () => 0,
      sleep: (milliseconds: number) => {
        waited.push(milliseconds);
        return Promise.resolve();
      },
    };
    const batches = scriptBatches({ text: "abc" }, 1);
    await ask(scriptEngine({ batches, clock, delay: (index) => index * 10 }), requestOf("x"));
    expect(waited).toEqual([0, 10, 20, 30]);
  });

  it("ends when aborted while the script itself waits, and tells the script", async () => {
    let ended = false;
    const hung = new Promise<never>(() => undefined);
    const engine = scriptEngine({
      batches: {
        [Symbol.asyncIterator]: () => {
          let first = true;
          return {
            next: () => (first ? ((first = false), Promise.resolve({ done: false as const, value: begun })) : hung),
            return: () => ((ended = true), Promise.resolve({ done: true as const, value: undefined })),
          };
        },
      },
    });
    const abort = new AbortController();
    const reading = collect(engine.generate(requestOf("x"), abort.signal));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(engine.load().running).toBe(1);
    abort.abort();
    expect((await reading).finish).toMatchObject({ reason: "error", error: { kind: "canceled" } });
    expect(ended).toBe(true);
    expect(engine.aborted).toBe(1);
  });

  it.each(["reasoning", "call"] as const)("closes an open %s item when aborted", async (kind) => {
    const content =
      kind === "call" ? { calls: [{ id: "1", name: "f", args: '{"long":"value"}' }] } : { reasoning: "long thought" };
    const engine = scriptEngine({ batches: scriptBatches(content, 2) });
    const abort = new AbortController();
    const check = new GrammarCheck();
    for await (const batch of engine.generate(requestOf("x"), abort.signal)) {
      for (const event of batch) check.accept(event);
      abort.abort();
    }
    expect(() => check.end()).not.toThrow();
  });
});
