import { describe, expect, it } from "vitest";
import { simulate, type World } from "./routing.ts";

const world: World = { replicas: 4, conversations: 60, turns: 5 };

describe("routing, in the simulation of docs/routing.md", () => {
  it("finds the prefix caches that other ways miss", async () => {
    const affinity = await simulate(world, "affinity, bounded load");
    const rounds = await simulate(world, "round robin");
    expect(affinity.hitRate).toBeGreaterThan(rounds.hitRate + 0.15);
    expect(affinity.firstMean).toBeLessThan(rounds.firstMean);
    expect(affinity.moved).toBeLessThan(affinity.turns * 0.05);
  });

  it("lets no hot key fill one replica", async () => {
    const busy = { ...world, conversations: 260, turns: 6, hot: true };
    const bounded = await simulate(busy, "affinity, bounded load");
    const plain = await simulate(busy, "plain hashing");
    expect(bounded.imbalance).toBeLessThan(plain.imbalance);
    expect(bounded.firstMean).toBeLessThan(plain.firstMean * 0.7);
  });

  it("moves only what a lost replica had, and fails nobody", async () => {
    const lost = await simulate({ ...world, lose: true }, "affinity, bounded load");
    expect(lost.failed).toBe(0);
    expect(lost.movedByLoss).toBeGreaterThan(0);
    expect(lost.moved - lost.movedByLoss).toBeLessThan(lost.turns * 0.05);
  });
});
