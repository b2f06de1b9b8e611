import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Gate, type GateOptions } from "../../../src/engine/llama/gate.ts";
import { GrammarCheck } from "../../../src/model/event.ts";
import { Transcript } from "../../../src/model/transcript.ts";

function gateOf(options: Partial<GateOptions> = {}): Gate {
  return new Gate({ stop: [], calls: Number.POSITIVE_INFINITY, thinking: false, ...options });
}

/** Ends the answer, checks its grammar and folds it. */
function fold(gate: Gate): Transcript {
  gate.finish("stop");
  const events = gate.take();
  const check = new GrammarCheck();
  for (const event of events) check.accept(event);
  check.end();
  const transcript = new Transcript();
  transcript.apply(events);
  return transcript;
}

describe("Gate", () => {
  it("law: whatever the pieces, text ends where the stop text begins that is complete first", () => {
    const letters = fc.constantFrom("a", "b", "c", "你", "\n");
    const texts = fc.array(fc.array(letters, { minLength: 1, maxLength: 4 }).map((some) => some.join("")));
    fc.assert(
      fc.property(texts, fc.array(fc.array(letters, { maxLength: 4 }).map((some) => some.join(""))), (pieces, stop) => {
        const gate = gateOf({ stop });
        for (const piece of pieces) gate.text(piece);
        const whole = pieces.join("");
        const found = stop
          .filter((text) => text !== "" && whole.includes(text))
          .map((text) => ({ start: whole.indexOf(text), end: whole.indexOf(text) + text.length }))
          .toSorted((one, other) => one.end - other.end || one.start - other.start);
        expect(gate.stopped).toBe(found.length > 0);
        expect(fold(gate).text()).toBe(whole.slice(0, found[0]?.start));
      }),
    );
  });

  it("never shows a part of a stop text, and gives it back when it was none", () => {
    const gate = gateOf({ stop: ["STOP"] });
    gate.text("go ST");
    expect(gate.take().filter((event) => event.type === "text-delta")).toMatchObject([{ text: "go " }]);
    gate.text("AY");
    expect(gate.take()).toMatchObject([{ text: "STAY" }]);
  });

  it("does not take the newlines between thought and answer for a stop text", () => {
    for (const pieces of [["\n\nYes.\nNo."], ["\n", "\nYes.", "\n", "No."]]) {
      const gate = gateOf({ stop: ["\n"], thinking: true });
      gate.reasoning("hm");
      for (const piece of pieces) gate.text(piece);
      expect(fold(gate).text()).toBe("\n\nYes.");
    }
  });

  it("looks for stop texts in the answer only, not in thought or arguments", () => {
    const gate = gateOf({ stop: ["x"] });
    gate.reasoning("x marks");
    gate.callStart("id", "f");
    gate.callDelta('{"a":"x"}');
    expect(gate.stopped).toBe(false);
    gate.text("yx");
    const answer = fold(gate);
    expect([answer.reasoning(), answer.calls()[0]?.args, answer.text()]).toEqual(["x marks", '{"a":"x"}', "y"]);
  });

  it("writes what was held before the item that follows", () => {
    const gate = gateOf({ stop: ["ab"] });
    gate.text("a");
    gate.reasoning("hm");
    gate.text("a");
    gate.callStart("id", "f");
    expect(fold(gate).items.map((item) => item.type)).toEqual(["text", "reasoning", "text", "call"]);
  });

  it("ends the answer at the call that is one too many", () => {
    const gate = gateOf({ calls: 1 });
    gate.callStart("1", "f");
    gate.callDelta("{}");
    gate.callStart("2", "g");
    gate.callDelta('{"b":1}');
    gate.text("more");
    expect(gate.stopped).toBe(true);
    expect(fold(gate).items).toEqual([{ type: "call", id: "1", name: "f", args: "{}", done: true }]);
  });

  it("knows whether the model is thinking", () => {
    const gate = gateOf({ thinking: true });
    expect(gate.thinking).toBe(true);
    gate.reasoning("hm");
    expect(gate.thinking).toBe(true);
    gate.close();
    expect(gate.thinking).toBe(false);
  });
});
