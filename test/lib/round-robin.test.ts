import fc from "fast-check";
import { expect, it } from "vitest";
import { RoundRobin } from "../../src/lib/round-robin.ts";

function takeAll(items: RoundRobin<string>): string[] {
  const taken: string[] = [];
  for (let item = items.take(); item !== undefined; item = items.take()) taken.push(item);
  return taken;
}

it("takes one item of each owner after another", () => {
  const items = new RoundRobin<string>();
  for (const item of ["a1", "a2", "a3", "b1", "c1", "c2"]) items.add(item.slice(0, 1), item);
  expect(items.size).toBe(6);
  expect(takeAll(items)).toEqual(["a1", "b1", "c1", "a2", "c2", "a3"]);
  expect(items.size).toBe(0);
});

it("puts an owner who comes back behind the others", () => {
  const items = new RoundRobin<string>();
  items.add("a", "a1");
  items.add("b", "b1");
  items.take();
  items.add("a", "a2");
  items.add("b", "b2");
  expect(takeAll(items)).toEqual(["b1", "a2", "b2"]);
});

it("loses nothing, and keeps the order of each owner", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ owner: fc.constantFrom("a", "b", "c"), take: fc.boolean() })), (steps) => {
      const items = new RoundRobin<{ owner: string; at: number }>();
      const taken: { owner: string; at: number }[] = [];
      const keep = (item: { owner: string; at: number } | undefined): void => void (item && taken.push(item));
      for (const [at, { owner, take }] of steps.entries()) {
        items.add(owner, { owner, at });
        if (take) keep(items.take());
      }
      while (items.size > 0) keep(items.take());
      expect(taken).toHaveLength(steps.length);
      for (const owner of ["a", "b", "c"]) {
        const order = taken.filter((item) => item.owner === owner).map(({ at }) => at);
        expect(order).toEqual(order.toSorted((one, other) => one - other));
      }
    }),
  );
});

it("lets taken items of a long lane go", () => {
  const items = new RoundRobin<number>();
  for (let at = 0; at < 10_000; at += 1) items.add("a", at);
  for (let at = 0; at < 10_000; at += 1) {
    expect(items.take()).toBe(at);
    items.add("a", 10_000 + at);
  }
  expect(items.size).toBe(10_000);
  expect(items.take()).toBe(10_000);
});
