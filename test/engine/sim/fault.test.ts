import { describe, expect, it } from "vitest";
import { faultError, FaultPlan } from "../../../src/engine/sim/fault.ts";
import type { FaultRule } from "../../../src/engine/sim/settings.ts";

function fired(rules: readonly FaultRule[], asked: readonly string[]): (string | undefined)[] {
  const plan = new FaultPlan(rules);
  return asked.map((text) => plan.next(text)?.kind);
}

describe("FaultPlan", () => {
  it("fires always without conditions", () => {
    expect(fired([{ kind: "stall" }], ["a", "b"])).toEqual(["stall", "stall"]);
    expect(fired([], ["a"])).toEqual([undefined]);
  });

  it("fires on every n-th request, at most so often, and where the text matches", () => {
    expect(fired([{ kind: "slow", every: 2 }], ["1", "2", "3", "4"])).toEqual([undefined, "slow", undefined, "slow"]);
    expect(fired([{ kind: "slow", times: 1 }], ["1", "2"])).toEqual(["slow", undefined]);
    expect(fired([{ kind: "slow", matching: "坏" }], ["好", "坏了"])).toEqual([undefined, "slow"]);
    expect(fired([{ kind: "slow", matching: "x", every: 2, times: 1 }], ["x", "y", "x", "x", "x"])).toEqual([
      undefined,
      undefined,
      "slow",
      undefined,
      undefined,
    ]);
  });

  it("takes the first rule that fits", () => {
    expect(fired([{ kind: "stall", matching: "x" }, { kind: "slow" }], ["x", "y"])).toEqual(["stall", "slow"]);
  });

  it("fires as often as its probability says, and the same way for the same seed", () => {
    const pattern = (seed: number): boolean[] => {
      const plan = new FaultPlan([{ kind: "slow", probability: 0.25 }], seed);
      return Array.from({ length: 1_000 }, () => plan.next("") !== undefined);
    };
    expect(pattern(7)).toEqual(pattern(7));
    expect(pattern(8)).not.toEqual(pattern(7));
    const count = pattern(7).filter((fired) => fired).length;
    expect(count).toBeGreaterThan(200);
    expect(count).toBeLessThan(300);
  });

  it("makes the error it was told to make", () => {
    expect(faultError({ kind: "error-before", errorKind: "overloaded", message: "full", retryAfter: 7 })).toMatchObject(
      { kind: "overloaded", message: "full", retryAfter: 7 },
    );
    expect(faultError({ kind: "error-after" }).kind).toBe("upstream");
  });
});
