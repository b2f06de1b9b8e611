import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteBudget } from "../../src/lib/byte-budget.ts";

const budgetOf = (perOwner: number, total: number): ByteBudget =>
  new ByteBudget({ perOwner, total, refusal: (bound, bytes) => new Error(`${bound} ${bytes}`) });

describe("ByteBudget", () => {
  it("refuses what passes the bound of an owner or of all, and takes nothing then", () => {
    const budget = budgetOf(10, 15);
    const [a, b] = [budget.lease("a"), budget.lease("b")];
    a.grow(10);
    expect(() => a.grow(1)).toThrow("owner 10");
    b.grow(5);
    expect(() => b.check(1)).toThrow("total 15");
    expect(() => budget.lease("b").grow(1)).toThrow("total 15");
    expect([budget.used, budget.usedBy("a"), budget.usedBy("b")]).toEqual([15, 10, 5]);
    a.clear();
    b.grow(5);
    expect([budget.used, budget.usedBy("a")]).toEqual([10, 0]);
  });

  it("has a lease back when its last holder has released it, each once", () => {
    const budget = budgetOf(10, 10);
    const lease = budget.lease("a");
    const [first, second] = [lease.hold(), lease.hold()];
    lease.grow(4);
    first();
    first();
    expect(budget.used).toBe(4);
    second();
    expect(budget.used).toBe(0);
  });

  it("takes nothing for a lease that was given back, until somebody holds it again", () => {
    const budget = budgetOf(10, 10);
    const lease = budget.lease("a");
    lease.hold()();
    lease.grow(4);
    expect(budget.used).toBe(0);
    const release = lease.hold();
    lease.grow(4);
    expect(budget.used).toBe(4);
    release();
    expect(budget.used).toBe(0);
  });

  it("counts exactly what is held", () => {
    const step = fc.record({
      owner: fc.constantFrom("a", "b"),
      at: fc.integer({ min: 0, max: 3 }),
      bytes: fc.integer({ min: -8, max: 8 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const budget = budgetOf(12, 20);
        const leases = new Map<string, { lease: ReturnType<ByteBudget["lease"]>; bytes: number }>();
        for (const { owner, at, bytes } of steps) {
          const held = leases.get(owner + at) ?? { lease: budget.lease(owner), bytes: 0 };
          leases.set(owner + at, held);
          try {
            if (bytes < 0) held.lease.shrink(-bytes);
            else held.lease.grow(bytes);
            held.bytes = Math.max(0, held.bytes + bytes);
          } catch {
            // it did not fit: nothing changes
          }
          const of = (name: string): number =>
            [...leases].reduce((sum, [key, one]) => sum + (key.startsWith(name) ? one.bytes : 0), 0);
          expect([budget.used, budget.usedBy("a"), budget.usedBy("b")]).toEqual([of(""), of("a"), of("b")]);
          expect(budget.used <= 20 && of("a") <= 12 && of("b") <= 12).toBe(true);
        }
      }),
    );
  });
});
