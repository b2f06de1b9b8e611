import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/engine/sim/clock.ts";

describe("systemClock", () => {
  it("waits, and stops waiting when aborted", async () => {
    const start = systemClock.now();
    await systemClock.sleep(20, new AbortController().signal);
    expect(systemClock.now() - start).toBeGreaterThanOrEqual(18);
    const abort = new AbortController();
    const forever = systemClock.sleep(Infinity, abort.signal);
    abort.abort();
    await forever;
    await systemClock.sleep(Infinity, abort.signal);
    expect(systemClock.now() - start).toBeLessThan(1_000);
  });

  it("does not wait for what is already due", async () => {
    const start = systemClock.now();
    await systemClock.sleep(-5, new AbortController().signal);
    await systemClock.sleep(0, new AbortController().signal);
    expect(systemClock.now() - start).toBeLessThan(50);
  });
});
