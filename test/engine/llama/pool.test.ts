import { describe, expect, it } from "vitest";
import { SlotPool, commonPrefix } from "../../../src/engine/llama/pool.ts";

const never = new AbortController().signal;

/** A pool of named slots that have held the given tokens, released in that order. */
async function poolOf(held: Record<string, readonly number[]>): Promise<SlotPool<string>> {
  const names = Object.keys(held);
  const pool = new SlotPool(names);
  const slots = [];
  for (let count = 0; count < names.length; count++) slots.push(await pool.acquire([], never));
  for (const slot of slots) {
    slot.held = held[slot.sequence] ?? [];
    pool.release(slot);
  }
  return pool;
}

describe("commonPrefix", () => {
  it("counts equal tokens from the start", () => {
    expect(commonPrefix([1, 2, 3], [1, 2, 4, 5])).toBe(2);
    expect(commonPrefix([], [1])).toBe(0);
    expect(commonPrefix([1, 2], [1, 2])).toBe(2);
  });
});

describe("SlotPool", () => {
  it("lends the slot with the longest common prefix", async () => {
    const pool = await poolOf({ a: [1, 2, 3, 4], b: [1, 2, 3, 4, 5, 6], c: [9] });
    expect((await pool.acquire([1, 2, 3, 4, 5, 6, 7], never)).sequence).toBe("b");
    expect((await pool.acquire([1, 2, 3, 4, 5, 6, 7], never)).sequence).toBe("a");
  });

  it("spares another conversation's cache when only a short head is shared", async () => {
    const pool = await poolOf({ a: [], b: [1, 2, 3, 4, 5, 6, 7, 8, 9] });
    expect((await pool.acquire([1, 2, 30, 31, 32, 33], never)).sequence).toBe("a");
  });

  it("takes a long shared head even from a longer conversation", async () => {
    const pool = await poolOf({ a: [], b: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] });
    expect((await pool.acquire([1, 2, 3, 4, 50], never)).sequence).toBe("b");
  });

  it("else lends the one unused for longest", async () => {
    const pool = await poolOf({ a: [1], b: [2], c: [3] });
    const first = await pool.acquire([7], never);
    expect(first.sequence).toBe("a");
    pool.release(first);
    expect((await pool.acquire([7], never)).sequence).toBe("b");
  });

  it("serves those in line in order, and counts them", async () => {
    const pool = new SlotPool(["a"]);
    const slot = await pool.acquire([], never);
    const order: string[] = [];
    const one = pool.acquire([], never).then((taken) => (order.push("one"), taken));
    const two = pool.acquire([], never).then((taken) => (order.push("two"), taken));
    expect([pool.running, pool.waiting]).toEqual([1, 2]);
    pool.release(slot);
    pool.release(await one);
    pool.release(await two);
    expect(order).toEqual(["one", "two"]);
    expect([pool.running, pool.waiting]).toEqual([0, 0]);
  });

  it("lets an aborted request leave the line at once, and does not give it a slot later", async () => {
    const pool = new SlotPool(["a"]);
    const slot = await pool.acquire([], never);
    const abort = new AbortController();
    const leaver = pool.acquire([], abort.signal);
    const next = pool.acquire([], never);
    abort.abort();
    await expect(leaver).rejects.toMatchObject({ kind: "canceled" });
    expect(pool.waiting).toBe(1);
    pool.release(slot);
    expect((await next).sequence).toBe("a");
    await expect(pool.acquire([], abort.signal)).rejects.toMatchObject({ kind: "canceled" });
  });

  it("refuses everyone once closed", async () => {
    const pool = new SlotPool(["a"]);
    const slot = await pool.acquire([], never);
    const waiting = pool.acquire([], never);
    pool.close();
    await expect(waiting).rejects.toMatchObject({ kind: "overloaded" });
    pool.release(slot);
    await expect(pool.acquire([], never)).rejects.toMatchObject({ kind: "overloaded" });
  });
});
