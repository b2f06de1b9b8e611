import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { FairQueue, type FairQueueOptions, type Turn } from "../../src/lib/fair-queue.ts";
import { growth } from "../support/cpu.ts";

const never = new AbortController().signal;
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Notes who entered, in order, and keeps how each leaves. */
function door(room: number, options: Partial<FairQueueOptions> = {}) {
  const queue = new FairQueue({ capacity: () => room, ...options });
  const entered: string[] = [];
  const leaves = new Map<string, () => void>();
  const ask = (name: string, turn: Partial<Turn> = {}, signal = never): void => {
    void queue.enter({ owner: name.slice(0, 1), ...turn }, signal).then(
      (leave) => {
        entered.push(name);
        leaves.set(name, leave);
      },
      () => undefined,
    );
  };
  const leave = async (name: string): Promise<void> => {
    leaves.get(name)?.();
    await tick();
  };
  return { queue, entered, ask, leave };
}

describe("FairQueue", () => {
  it("makes nobody wait while there is room", async () => {
    const { entered, ask, queue } = door(2);
    ask("a1");
    ask("a2");
    ask("b1");
    await tick();
    expect([entered, queue.waiting]).toEqual([["a1", "a2"], 1]);
  });

  it("lets in without bound where the room is unknown or not known yet", async () => {
    for (const room of [Infinity, 0]) {
      const { entered, ask } = door(room);
      for (let number = 0; number < 100; number += 1) ask(`a${number}`);
      await tick();
      expect(entered).toHaveLength(100);
    }
  });

  it("takes turns between keys, whoever asked more", async () => {
    const { entered, ask, leave } = door(1);
    for (const name of ["a1", "a2", "a3", "a4", "b1", "c1", "b2"]) ask(name);
    await tick();
    for (let at = 0; at < 7; at += 1) await leave(entered[at] ?? "");
    expect(entered).toEqual(["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
  });

  it("prefers the key with the fewest under way", async () => {
    const { entered, ask, leave } = door(3);
    for (const name of ["a1", "a2", "b1"]) ask(name);
    await tick();
    for (const name of ["a3", "b2"]) ask(name);
    await leave("a1");
    await leave("a2");
    expect(entered).toEqual(["a1", "a2", "b1", "a3", "b2"]);
    const other = door(3);
    for (const name of ["b1", "a1", "a2"]) other.ask(name);
    await tick();
    for (const name of ["a3", "b2"]) other.ask(name);
    await other.leave("b1");
    expect(other.entered.at(-1)).toBe("b2");
  });

  it("lets priority go first, and turns within it", async () => {
    const { entered, ask, leave } = door(1);
    ask("a1");
    await tick();
    ask("b1");
    for (const name of ["a2", "a3", "c1"]) ask(name, { priority: true });
    for (let at = 0; at < 5; at += 1) await leave(entered[at] ?? "");
    expect(entered).toEqual(["a1", "c1", "a2", "a3", "b1"]);
  });

  it("forgets who aborts while waiting, and takes back from who aborts inside", async () => {
    const { entered, ask, leave, queue } = door(1);
    const [inside, waiting] = [new AbortController(), new AbortController()];
    ask("a1", {}, inside.signal);
    ask("b1", {}, waiting.signal);
    ask("c1");
    await tick();
    waiting.abort();
    await tick();
    expect(queue.waiting).toBe(1);
    inside.abort();
    await tick();
    expect(entered).toEqual(["a1", "c1"]);
    await leave("a1");
    ask("d1");
    await tick();
    expect(entered).toEqual(["a1", "c1"]);
    await expect(queue.enter({ owner: "e" }, waiting.signal)).rejects.toBe(waiting.signal.reason);
  });

  it("leaves a turn to others while there are any, also from priority", async () => {
    const { entered, ask, leave } = door(3, { reserved: 1 });
    for (const name of ["a1", "a2", "a3"]) ask(name);
    for (const name of ["a4", "a5", "a6"]) ask(name, { priority: true });
    ask("b1");
    await tick();
    expect(entered).toEqual(["a1", "a2", "a3"]);
    await leave("a1");
    expect(entered.slice(3)).toEqual(["b1"]);
    // b is not under way any more, but was a moment ago
    await leave("b1");
    expect(entered).toHaveLength(4);
    ask("b2");
    await tick();
    expect(entered.at(-1)).toBe("b2");
    await leave("a2");
    expect(entered.slice(5)).toEqual(["a4"]);
  });

  it("gives one owner everything when the others have been away for a minute", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    try {
      const { entered, ask, leave } = door(2, { reserved: 1 });
      ask("b1");
      await tick();
      await leave("b1");
      for (const name of ["a1", "a2"]) ask(name);
      await vi.advanceTimersByTimeAsync(59_000);
      await tick();
      expect(entered).toEqual(["b1", "a1"]);
      await vi.advanceTimersByTimeAsync(2_000);
      await tick();
      expect(entered).toEqual(["b1", "a1", "a2"]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("lets nobody wait for ever behind the priority of others", async () => {
    let now = 0;
    const { entered, ask, leave } = door(1, { now: () => now });
    for (const name of ["a1", "a2", "a3"]) ask(name, { priority: true });
    ask("b1");
    await tick();
    now = 59_000;
    await leave("a1");
    now = 61_000;
    await leave("a2");
    expect(entered).toEqual(["a1", "a2", "b1"]);
  });

  it("takes back what is idle for an owner that has nothing, and only then", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { entered, ask } = door(2);
      const revoked: string[] = [];
      const hold = (name: string, idle: number): void => {
        const aborter = new AbortController();
        const revoke = (): void => {
          revoked.push(name);
          aborter.abort();
        };
        ask(name, { holder: { idleMs: () => idle, revoke } }, aborter.signal);
      };
      hold("a1", 20_000);
      hold("a2", 30_000);
      ask("a3");
      await vi.advanceTimersByTimeAsync(10_000);
      expect(revoked).toEqual([]);
      ask("b1");
      await vi.advanceTimersByTimeAsync(2_000);
      expect([revoked, entered]).toEqual([["a2"], ["a1", "a2", "b1"]]);
      ask("b2");
      await vi.advanceTimersByTimeAsync(10_000);
      expect(revoked).toEqual(["a2"]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("counts weights: what is light and of others need not wait for what is heavy", async () => {
    const { entered, ask, leave } = door(10);
    for (const name of ["a1", "a2", "a3"]) ask(name, { weight: 8 });
    ask("b1", { weight: 1 });
    ask("c1", { weight: 99 });
    await tick();
    expect(entered).toEqual(["a1", "b1"]);
    ask("b2", { weight: 1 });
    for (const name of ["a1", "b1", "c1"]) await leave(name);
    expect(entered).toEqual(["a1", "b1", "c1", "a2", "b2"]);
  });

  it("lets thousands leave in linear time", async () => {
    // one for all: what making thousands of them takes is not the queue's
    const reason = new Error("gone");
    const leaving = (count: number) => (): void => {
      const queue = new FairQueue({ capacity: () => 8, reserved: 1 });
      const aborters = Array.from({ length: count }, () => new AbortController());
      for (const { signal } of aborters) void queue.enter({ owner: "a" }, signal).catch(() => undefined);
      for (const aborter of aborters) aborter.abort(reason);
      expect(queue.waiting).toBe(0);
    };
    // as many in four queues: the same memory, so that only the length of a queue differs; 10 times for 4 times as many
    const apart = (): void => [1, 2, 3, 4].forEach(leaving(5_000));
    expect(growth(apart, leaving(20_000))).toBeLessThan(10 / 4);
  });

  it("never lets in more than there is room for, and everyone in the end", async () => {
    const asked = fc.record({ key: fc.constantFrom("a", "b", "c"), priority: fc.boolean(), aborts: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(asked, { maxLength: 30 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(2),
        async (all, room, reserved) => {
          const queue = new FairQueue({ capacity: () => room, reserved });
          let inside = 0;
          let served = 0;
          const work = all.map(async ({ key, priority, aborts }) => {
            const aborter = new AbortController();
            const entering = queue.enter({ owner: key, priority }, aborter.signal);
            if (aborts) aborter.abort();
            const leave = await entering.catch(() => undefined);
            if (leave === undefined || aborts) return;
            inside += 1;
            expect(inside).toBeLessThanOrEqual(room);
            await tick();
            inside -= 1;
            served += 1;
            leave();
          });
          await Promise.all(work);
          expect([served, queue.waiting]).toEqual([all.filter(({ aborts }) => !aborts).length, 0]);
        },
      ),
      { numRuns: 60 },
    );
  });
});
