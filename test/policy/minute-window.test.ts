import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MinuteWindow } from "../../src/policy/minute-window.ts";

describe("MinuteWindow", () => {
  it("counts what was added for 60 seconds at least and 61 at most", () => {
    const window = new MinuteWindow();
    window.add(5, 999);
    window.add(2, 1_000);
    expect(window.used(60_999)).toBe(7);
    expect(window.used(61_000)).toBe(2);
    expect(window.used(61_999)).toBe(2);
    expect(window.used(62_000)).toBe(0);
  });

  it("takes back from a slot that is still there, never more than it holds", () => {
    const window = new MinuteWindow();
    const slot = window.add(10, 5_000);
    window.subtract(4, slot, 9_000);
    expect(window.used(9_000)).toBe(6);
    window.subtract(100, slot, 9_000);
    expect(window.used(9_000)).toBe(0);
    window.add(3, 200_000);
    window.subtract(3, slot, 200_000);
    expect(window.used(200_000)).toBe(3);
  });

  it("tells how long until a level is reached", () => {
    const window = new MinuteWindow();
    window.add(3, 500);
    window.add(3, 10_500);
    expect(window.wait(6, 11_000)).toBe(0);
    expect(window.wait(5, 11_000)).toBe(50_000);
    expect(window.wait(3, 11_000)).toBe(50_000);
    expect(window.wait(2, 11_000)).toBe(60_000);
    expect(window.wait(0, 11_000)).toBe(60_000);
  });

  it("sums spans", () => {
    const window = new MinuteWindow();
    for (let second = 0; second < 30; second += 1) window.add(second, second * 1_000);
    expect(window.sum(10, 0, 29_500)).toBe(245);
    expect(window.sum(10, 10, 29_500)).toBe(145);
    expect(window.sum(10, 25, 29_500)).toBe(10);
  });

  it("agrees with a list of everything that was added, at any times", () => {
    const step = fc.record({ after: fc.integer({ min: 0, max: 90_000 }), amount: fc.integer({ min: 0, max: 1_000 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 0, max: 1e12 }), (steps, start) => {
        const window = new MinuteWindow();
        const log: { slot: number; amount: number }[] = [];
        let now = start;
        for (const { after, amount } of steps) {
          now += after;
          window.add(amount, now);
          log.push({ slot: MinuteWindow.slotOf(now), amount });
          const first = MinuteWindow.slotOf(now) - 60;
          const expected = log.filter(({ slot }) => slot >= first).reduce((sum, one) => sum + one.amount, 0);
          expect(window.used(now)).toBe(expected);
          const wait = window.wait(expected / 2, now);
          expect(window.used(now + wait)).toBeLessThanOrEqual(expected / 2);
          now += wait;
        }
      }),
    );
  });
});
