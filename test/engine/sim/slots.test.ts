import { describe, expect, it } from "vitest";
import { Slots } from "../../../src/engine/sim/slots.ts";

const never = new AbortController().signal;

describe("Slots", () => {
  it("hands places out in the order of asking, and a newcomer never overtakes", async () => {
    const slots = new Slots(1);
    const order: number[] = [];
    const first = await slots.acquire(never);
    const waiters = [1, 2, 3].map(async (label) => {
      const release = await slots.acquire(never);
      order.push(label);
      release();
    });
    expect([slots.running, slots.waiting]).toEqual([1, 3]);
    first();
    const late = slots.acquire(never).then((release) => {
      order.push(4);
      release();
    });
    await Promise.all([...waiters, late]);
    expect(order).toEqual([1, 2, 3, 4]);
    expect([slots.running, slots.waiting]).toEqual([0, 0]);
  });

  it("gives a place back once only", async () => {
    const slots = new Slots(2);
    const [first, second] = [await slots.acquire(never), await slots.acquire(never)];
    first();
    first();
    expect(slots.running).toBe(1);
    second();
    expect(slots.running).toBe(0);
  });

  it("lets whoever aborts leave the queue at once", async () => {
    const slots = new Slots(1);
    const release = await slots.acquire(never);
    const abort = new AbortController();
    const waiting = slots.acquire(abort.signal);
    abort.abort();
    expect(slots.waiting).toBe(0);
    await expect(waiting).rejects.toMatchObject({ kind: "canceled" });
    release();
    expect(slots.running).toBe(0);
  });

  it("refuses an aborted signal and a full queue", async () => {
    const slots = new Slots(1, 1);
    await expect(slots.acquire(AbortSignal.abort())).rejects.toMatchObject({ kind: "canceled" });
    const release = await slots.acquire(never);
    const queued = slots.acquire(never);
    await expect(slots.acquire(never)).rejects.toMatchObject({ kind: "overloaded", retryAfter: 1 });
    release();
    (await queued)();
    expect(slots.running).toBe(0);
  });
});
