import { describe, expect, it } from "vitest";
import { Breaker } from "../../../../src/engine/upstream/replica/breaker.ts";
import { RetryBudget } from "../../../../src/engine/upstream/replica/budget.ts";

function breaker(): { one: Breaker; clock: { at: number } } {
  const clock = { at: 0 };
  return { one: new Breaker({ failures: 3, cooldownMs: 100, maxCooldownMs: 300 }, () => clock.at), clock };
}

function fail(one: Breaker, times: number): void {
  for (let i = 0; i < times; i++) {
    one.enter();
    one.recordFailure();
  }
}

describe("Breaker", () => {
  it("opens after failures in a row only", () => {
    const { one } = breaker();
    fail(one, 2);
    one.recordSuccess(one.enter());
    fail(one, 2);
    expect(one.state).toBe("closed");
    fail(one, 1);
    expect(one.state).toBe("open");
  });

  it("lets one trial through when its time is over", () => {
    const { one, clock } = breaker();
    fail(one, 3);
    clock.at = 99;
    expect(one.state).toBe("open");
    clock.at = 100;
    expect(one.state).toBe("half-open");
    const trial = one.enter();
    expect(one.state).toBe("open");
    one.recordSuccess(trial);
    expect(one.state).toBe("closed");
  });

  it("stays open longer each time the trial fails, up to a bound", () => {
    const { one, clock } = breaker();
    fail(one, 3);
    const opened: number[] = [];
    for (let i = 0; i < 4; i++) {
      clock.at = one.cooldownUntil;
      one.enter();
      one.recordFailure();
      opened.push(one.cooldownUntil - clock.at);
    }
    expect(opened).toEqual([200, 300, 300, 300]);
  });

  it("is not moved by late failures of older requests", () => {
    const { one } = breaker();
    fail(one, 3);
    one.recordFailure();
    expect(one.cooldownUntil).toBe(100);
  });

  it("is not closed by late successes of older requests", () => {
    const { one } = breaker();
    const older = one.enter();
    fail(one, 3);
    one.recordSuccess(older);
    expect(one.state).toBe("open");
    one.recordSuccess(one.enter());
    expect(one.state).toBe("closed");
  });

  it("frees the trial when it was canceled", () => {
    const { one, clock } = breaker();
    fail(one, 3);
    clock.at = 100;
    one.enter();
    one.releaseTrial();
    expect(one.state).toBe("half-open");
  });

  it("takes back what a probe said, and nothing else", () => {
    const { one } = breaker();
    one.markDown();
    expect(one.state).toBe("open");
    one.markUp();
    expect(one.state).toBe("closed");
    fail(one, 3);
    one.markDown();
    one.markUp();
    expect(one.state).toBe("open");
  });
});

it("RetryBudget allows a share of the requests", () => {
  const budget = new RetryBudget(0.2, 2);
  expect([budget.spend(), budget.spend(), budget.spend()]).toEqual([true, true, false]);
  let retries = 0;
  for (let i = 0; i < 100; i++) {
    budget.earn();
    if (budget.spend()) retries += 1;
  }
  expect(retries).toBeGreaterThanOrEqual(19);
  expect(retries).toBeLessThanOrEqual(20);
});
