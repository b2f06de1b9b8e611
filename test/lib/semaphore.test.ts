import { describe, expect, it } from "vitest";
import { Semaphore, type SemaphoreOptions } from "../../src/lib/semaphore.ts";

const never = new AbortController().signal;
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const bounded: SemaphoreOptions = {
  abortError: () => new Error("left"),
  queue: { limit: 1, full: () => new Error("full") },
};

describe("Semaphore", () => {
  it("hands places out in the order of asking, and a newcomer never overtakes", async () => {
    const slots = new Semaphore(1);
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
    const slots = new Semaphore(2);
    const [first, second] = [await slots.acquire(never), await slots.acquire(never)];
    first();
    first();
    expect(slots.running).toBe(1);
    second();
    expect(slots.running).toBe(0);
  });

  it("lets whoever aborts leave the queue at once", async () => {
    const slots = new Semaphore(1);
    const release = await slots.acquire(never);
    const abort = new AbortController();
    const waiting = slots.acquire(abort.signal);
    abort.abort();
    expect(slots.waiting).toBe(0);
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
    release();
    expect(slots.running).toBe(0);
  });

  it("refuses an aborted signal and a full queue", async () => {
    const slots = new Semaphore(1, bounded);
    await expect(slots.acquire(AbortSignal.abort())).rejects.toThrow("left");
    const release = await slots.acquire(never);
    const queued = slots.acquire(never);
    await expect(slots.acquire(never)).rejects.toThrow("full");
    release();
    (await queued)();
    expect(slots.running).toBe(0);
  });

  it("counts weight, and lets more than all of it run alone", async () => {
    const slots = new Semaphore(10);
    const six = await slots.acquire(never, 6);
    let huge = false;
    const waiting = slots.acquire(never, 1_000).then((release) => {
      huge = true;
      return release;
    });
    await tick();
    expect([huge, slots.running, slots.waiting]).toEqual([false, 6, 1]);
    six();
    (await waiting)();
    expect(slots.running).toBe(0);
  });

  it("lets nothing light pass something heavy that waits, until that leaves", async () => {
    const slots = new Semaphore(10);
    await slots.acquire(never, 6);
    const abort = new AbortController();
    const heavy = slots.acquire(abort.signal, 8);
    let light = false;
    const waiting = slots.acquire(never, 1).then(() => (light = true));
    await tick();
    expect(light).toBe(false);
    abort.abort();
    await expect(heavy).rejects.toMatchObject({ name: "AbortError" });
    await waiting;
    expect([slots.running, slots.waiting]).toEqual([7, 0]);
  });

  it("gives back what failed work held", async () => {
    const slots = new Semaphore(1);
    await expect(slots.run(1, never, () => Promise.reject(new Error("work")))).rejects.toThrow("work");
    expect(slots.running).toBe(0);
    await expect(slots.run(1, never, () => Promise.resolve(7))).resolves.toBe(7);
  });
});
