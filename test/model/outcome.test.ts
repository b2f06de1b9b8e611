import { describe, expect, it } from "vitest";
import { canceled, errorKinds } from "../../src/model/error.ts";
import { chargedOutcomes, outcomeOf } from "../../src/model/outcome.ts";

describe("outcomes", () => {
  it("are the finish reason, or the kind of the error", () => {
    expect(outcomeOf({ reason: "calls" })).toBe("calls");
    expect(outcomeOf({ reason: "error", error: canceled() })).toBe("canceled");
    expect(outcomeOf({ reason: "error" })).toBe("internal");
  });

  it("of errors are charged only where the caller ended the answer", () => {
    expect(errorKinds.filter((kind) => chargedOutcomes.has(kind))).toEqual(["canceled"]);
    for (const reason of ["stop", "length", "calls", "filter"] as const) {
      expect(chargedOutcomes.has(outcomeOf({ reason }))).toBe(true);
    }
  });
});
