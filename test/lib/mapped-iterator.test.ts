import { expect, it } from "vitest";
import { MappedIterator } from "../../src/lib/mapped-iterator.ts";

function traced(): { log: string[]; values: AsyncIterable<number> } {
  const log: string[] = [];
  async function* all(): AsyncGenerator<number> {
    try {
      yield 1;
      yield 2;
      yield 3;
    } finally {
      log.push("ended");
    }
  }
  return { log, values: all() };
}

it("changes every value, at once or later", async () => {
  const { log, values } = traced();
  const mapped = new MappedIterator(values, (value) => (value === 2 ? Promise.resolve("two") : `${value}`));
  const found: string[] = [];
  for await (const value of mapped) found.push(value);
  expect(found).toEqual(["1", "two", "3"]);
  expect(log).toEqual(["ended"]);
  expect(await mapped.next()).toEqual({ done: true, value: undefined });
});

it("ends its source where its reader stops, and where a value cannot be changed", async () => {
  const stopped = traced();
  for await (const _ of new MappedIterator(stopped.values, String)) break;
  expect(stopped.log).toEqual(["ended"]);
  const broken = traced();
  const mapped = new MappedIterator(broken.values, () => Promise.reject(new Error("no")));
  await expect(mapped.next()).rejects.toThrow("no");
  expect(broken.log).toEqual(["ended"]);
  expect(await mapped.next()).toEqual({ done: true, value: undefined });
});
