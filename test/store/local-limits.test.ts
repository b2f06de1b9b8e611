/** Counters in an SQLite file, by a clock of the test's. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { localLimitStore } from "../../src/store/local-limits.ts";
import { openStore } from "../../src/store/open.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import type { LimitStore, Store } from "../../src/store/store.ts";

let now = 0;
let store: Store;
let limits: LimitStore;
beforeEach(async () => {
  now = 1_000_000.5;
  store = await openStore();
  limits = await localLimitStore(openSqlite(), store.accounts, () => now);
});
afterEach(async () => {
  await limits.close();
  await store.close();
});

const requests = (amount: number, most = 10) => ({ name: "requests", kind: "window", amount, most }) as const;
const stream = { name: "streams", kind: "stream", amount: 1, most: 1 } as const;

describe("a window", () => {
  it("lets no more through in any 60 seconds, and says when there is room", async () => {
    const taken: number[] = [];
    for (let tick = 0; tick < 1_300; tick += 1, now += 0.1) {
      const { refused, wait } = await limits.claim([requests(1)], "");
      if (refused < 0) taken.push(now);
      else {
        expect(wait).toBeGreaterThan(0);
        const free = await withClock(now + wait, () => limits.peek([requests(1)]));
        expect(free.refused).toBe(-1);
        expect((await withClock(now + wait - 1, () => limits.peek([requests(1)]))).refused).toBe(0);
      }
    }
    expect(taken.length).toBeGreaterThan(20);
    for (const at of taken) expect(taken.filter((one) => one >= at && one < at + 60).length).toBeLessThanOrEqual(10);
  });

  it("gives back what was not used, and adds what was used beyond it", async () => {
    const { slot } = await limits.claim([requests(6)], "");
    await limits.correct([{ name: "requests", slot, by: -4 }]);
    expect((await limits.peek([requests(1)])).used).toEqual([{ amount: 2, reset: 60.5 }]);
    now += 30;
    await limits.correct([{ name: "requests", slot, by: 5 }]);
    expect((await limits.peek([requests(1)])).used).toEqual([{ amount: 7, reset: 60.5 }]);
    await limits.correct([{ name: "requests", slot, by: -100 }]);
    expect((await limits.peek([requests(1)])).used).toEqual([{ amount: 5, reset: 60.5 }]);
  });

  it("does not count what lies ahead of a clock that began anew, and drops it", async () => {
    await limits.claim([requests(10), stream], "a");
    now = 50.5;
    expect((await limits.claim([requests(10), stream], "b")).refused).toBe(-1);
    await limits.sweep();
    now = 1_000_000.5;
    expect((await limits.peek([requests(10), stream])).refused).toBe(-1);
  });

  async function withClock<T>(at: number, read: () => Promise<T>): Promise<T> {
    const before = now;
    now = at;
    const value = await read();
    now = before;
    return value;
  }
});

it("a stream that is not renewed for 30 seconds does not count", async () => {
  await limits.claim([stream], "a");
  now += 20;
  await limits.renew(["a"]);
  now += 29;
  expect((await limits.claim([stream], "b")).refused).toBe(0);
  now += 1.5;
  expect((await limits.claim([stream], "b")).refused).toBe(-1);
});

it("money that is not renewed for 30 seconds does not count", async () => {
  await store.accounts.credit("key:a", 100);
  const claim = (id: string) => ({ id, accounts: [{ subject: "key:a", budgets: {} }], at: 0, amount: 100 });
  expect(await limits.money.reserve(claim("a"))).toEqual({ refused: null, held: true });
  now += 29;
  expect(await limits.money.reserve(claim("b"))).toEqual({ refused: "held", held: false });
  now += 2;
  expect(await limits.money.reserve(claim("b"))).toEqual({ refused: null, held: true });
});
