import { describe, expect, it } from "vitest";
import { matchedStop } from "../../../../src/engine/upstream/read/finish.ts";

describe("the stop text that ended an answer", () => {
  it.each([
    // vLLM, SGLang, a token's number, a gateway's own word, nothing
    [{ finish_reason: "stop", stop_reason: "END" }, "END"],
    [{ finish_reason: "stop", matched_stop: "END" }, "END"],
    [{ finish_reason: "stop", stop_reason: 200_020 }, undefined],
    [{ finish_reason: "stop", stop_reason: "end_turn" }, undefined],
    [{ finish_reason: "stop", stop_reason: null, matched_stop: "\n" }, "\n"],
    [{ finish_reason: "stop" }, undefined],
  ])("of %j is %j", (choice, wanted) => {
    expect(matchedStop(choice, ["\n", "END"])).toBe(wanted);
  });
});
