import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { onceOrAborted, untilAborted } from "../../src/lib/abort.ts";

const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

describe("untilAborted", () => {
  it("gives what was promised and stops listening, also after a failure", async () => {
    const { signal } = new AbortController();
    expect(await untilAborted(Promise.resolve(7), signal)).toBe(7);
    await expect(untilAborted(Promise.reject(new Error("broken")), signal)).rejects.toThrow("broken");
    expect(listeners(signal)).toBe(0);
  });

  it("ends with the signal, before and while it waits", async () => {
    const abort = new AbortController();
    const waiting = untilAborted(new Promise(() => {}), abort.signal);
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
    const error = (): Error => new Error("left");
    await expect(untilAborted(Promise.resolve(7), abort.signal, error)).rejects.toThrow("left");
    expect(listeners(abort.signal)).toBe(0);
  });

  it("leaves no rejection unhandled when the promise fails after the abort", async () => {
    const { promise, reject } = Promise.withResolvers<never>();
    await expect(untilAborted(promise, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
    reject(new Error("late"));
    await new Promise((resolve) => setImmediate(resolve));
  });
});

describe("onceOrAborted", () => {
  it("runs once: by call, by abort, or at once", () => {
    let runs = 0;
    const abort = new AbortController();
    const called = onceOrAborted(abort.signal, () => (runs += 1));
    called();
    called();
    expect([runs, listeners(abort.signal)]).toEqual([1, 0]);
    const aborted = onceOrAborted(abort.signal, () => (runs += 1));
    abort.abort();
    aborted();
    expect(runs).toBe(2);
    onceOrAborted(abort.signal, () => (runs += 1));
    expect(runs).toBe(3);
  });
});
