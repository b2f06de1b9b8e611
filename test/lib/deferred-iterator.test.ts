import { expect, it } from "vitest";
import { DeferredIterator } from "../../src/lib/deferred-iterator.ts";

/** An iterator over two values, and what happened to it. */
function traced() {
  const log: string[] = [];
  async function* values(): AsyncGenerator<number, undefined> {
    try {
      yield 1;
      yield 2;
    } finally {
      log.push("closed");
    }
    return undefined;
  }
  const deferred = new DeferredIterator(async () => {
    log.push("opened");
    return values();
  });
  return { log, deferred };
}

it("opens with the first value and hands all of them on", async () => {
  const { log, deferred } = traced();
  expect(log).toEqual([]);
  const found: number[] = [];
  for await (const value of deferred) found.push(value);
  expect(found).toEqual([1, 2]);
  expect(log).toEqual(["opened", "closed"]);
  expect(await deferred.next()).toEqual({ done: true, value: undefined });
});

it("closes what was opened where its reader stops, also while it is being opened", async () => {
  const { log, deferred } = traced();
  for await (const _ of deferred) break;
  expect(log).toEqual(["opened", "closed"]);
  const early = traced();
  const first = early.deferred.next();
  await early.deferred.return();
  expect(await first).toEqual({ done: false, value: 1 });
  expect(early.log).toEqual(["opened", "closed"]);
});

it("opens nothing where its reader stops before the first value", async () => {
  const { log, deferred } = traced();
  await deferred.return();
  expect(await deferred.next()).toEqual({ done: true, value: undefined });
  expect(log).toEqual([]);
});

it("rejects once with what opening throws, and is over then", async () => {
  const deferred = new DeferredIterator<number>(() => Promise.reject(new Error("no")));
  await expect(deferred.next()).rejects.toThrow("no");
  expect(await deferred.next()).toEqual({ done: true, value: undefined });
  expect(await deferred.return()).toEqual({ done: true, value: undefined });
});
