import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StopFilter, type StopFilterOptions } from "../../../src/engine/llama/stop-filter.ts";
import { GrammarCheck } from "../../../src/model/event.ts";
import { Transcript } from "../../../src/model/transcript.ts";

function filterOf(options: Partial<StopFilterOptions> = {}): StopFilter {
  return new StopFilter({ stop: [], maxCalls: Number.POSITIVE_INFINITY, inReasoning: false, ...options });
}

/** Ends the answer, checks its grammar and folds it. */
function fold(filter: StopFilter): Transcript {
  filter.finish("stop");
  const events = filter.take();
  const check = new GrammarCheck();
  for (const event of events) check.accept(event);
  check.end();
  const transcript = new Transcript();
  transcript.apply(events);
  return transcript;
}

describe("StopFilter", () => {
  it("law: whatever the pieces, text ends where the stop text begins that is complete first", () => {
    const letters = fc.constantFrom("a", "b", "c", "你", "\n");
    const texts = fc.array(fc.array(letters, { minLength: 1, maxLength: 4 }).map((some) => some.join("")));
    fc.assert(
      fc.property(texts, fc.array(fc.array(letters, { maxLength: 4 }).map((some) => some.join(""))), (pieces, stop) => {
        const filter = filterOf({ stop });
        for (const piece of pieces) filter.text(piece);
        const whole = pieces.join("");
        const found = stop
          .filter((text) => text !== "" && whole.includes(text))
          .map((text) => ({ text, start: whole.indexOf(text), end: whole.indexOf(text) + text.length }))
          .toSorted((one, other) => one.end - other.end || one.start - other.start);
        expect(filter.stopped).toBe(found.length > 0);
        expect(filter.stopText).toBe(found[0]?.text);
        expect(fold(filter).text()).toBe(whole.slice(0, found[0]?.start));
      }),
    );
  });

  it("never shows a part of a stop text, and gives it back when it was none", () => {
    const filter = filterOf({ stop: ["STOP"] });
    filter.text("go ST");
    expect(filter.take().filter((event) => event.type === "text-delta")).toMatchObject([{ text: "go " }]);
    filter.text("AY");
    expect(filter.take()).toMatchObject([{ text: "STAY" }]);
  });

  it("does not take the newlines between thought and answer for a stop text", () => {
    for (const pieces of [["\n\nYes.\nNo."], ["\n", "\nYes.", "\n", "No."]]) {
      const filter = filterOf({ stop: ["\n"], inReasoning: true });
      filter.reasoning("hm");
      for (const piece of pieces) filter.text(piece);
      expect(fold(filter).text()).toBe("\n\nYes.");
    }
  });

  it("looks for stop texts in the answer only, not in thought or arguments", () => {
    const filter = filterOf({ stop: ["x"] });
    filter.reasoning("x marks");
    filter.callStart("id", "f");
    filter.callDelta('{"a":"x"}');
    expect(filter.stopped).toBe(false);
    filter.text("yx");
    const answer = fold(filter);
    expect([answer.reasoning(), answer.calls()[0]?.args, answer.text()]).toEqual(["x marks", '{"a":"x"}', "y"]);
  });

  it("writes what was held before the item that follows", () => {
    const filter = filterOf({ stop: ["ab"] });
    filter.text("a");
    filter.reasoning("hm");
    filter.text("a");
    filter.callStart("id", "f");
    expect(fold(filter).items.map((item) => item.type)).toEqual(["text", "reasoning", "text", "call"]);
  });

  it("ends the answer at the call that is one too many", () => {
    const filter = filterOf({ maxCalls: 1 });
    filter.callStart("1", "f");
    filter.callDelta("{}");
    filter.callStart("2", "g");
    filter.callDelta('{"b":1}');
    filter.text("more");
    expect(filter.stopped).toBe(true);
    expect(fold(filter).items).toEqual([{ type: "call", id: "1", name: "f", args: "{}", done: true }]);
  });

  it("knows whether the model is thinking", () => {
    const filter = filterOf({ inReasoning: true });
    expect(filter.inReasoning).toBe(true);
    filter.reasoning("hm");
    expect(filter.inReasoning).toBe(true);
    filter.close();
    expect(filter.inReasoning).toBe(false);
  });
});
