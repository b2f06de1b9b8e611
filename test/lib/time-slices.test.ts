import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { finish, TimeSlices, type Steps } from "../../src/lib/time-slices.ts";

/** Holds the event loop for 3 ms in each of its steps. */
function* work(steps: number, done: () => void = () => undefined): Steps<number> {
  for (let step = 0; step < steps; step += 1) {
    const until = performance.now() + 3;
    while (performance.now() < until);
    done();
    yield;
  }
  return steps;
}

it("gives the result, now or in slices", async () => {
  expect(finish(work(2))).toBe(2);
  expect(await new TimeSlices().run(work(2))).toBe(2);
});

it("shares one slice of each turn among all that run", async () => {
  const slices = new TimeSlices();
  let steps = 0;
  let most = 0;
  const running = Array.from({ length: 12 }, () => slices.run(work(5, () => (steps += 1))));
  let over = false;
  const all = Promise.all(running).finally(() => (over = true));
  // each began at once, with a millisecond
  let before = steps;
  while (!over) {
    await nextTurn();
    most = Math.max(most, steps - before);
    before = steps;
  }
  expect(await all).toHaveLength(12);
  // a slice has room for 2 of them; this turn's check phase may come before or after
  expect(most).toBeLessThanOrEqual(8);
});

it("begins nothing more in a turn that had a long step", async () => {
  const slices = new TimeSlices();
  function* long(): Steps<void> {
    const until = performance.now() + 20;
    while (performance.now() < until);
    yield;
  }
  let steps = 0;
  const first = slices.run(long());
  const second = slices.run(work(1, () => (steps += 1)));
  expect(steps).toBe(0);
  await Promise.all([first, second]);
  expect(steps).toBe(1);
  await nextTurn();
  void slices.run(work(1, () => (steps += 1)));
  expect(steps).toBe(2);
});

it("takes turns", async () => {
  const slices = new TimeSlices();
  const order: string[] = [];
  const named = (name: string, steps: number): Promise<unknown> => slices.run(work(steps)).then(() => order.push(name));
  await Promise.all([named("long", 30), named("short", 2)]);
  expect(order).toEqual(["short", "long"]);
});

it("rejects with what the steps throw, and with the reason of an abort", async () => {
  const slices = new TimeSlices();
  function* broken(): Steps<number> {
    yield;
    throw new RangeError("broken");
  }
  await expect(slices.run(broken())).rejects.toThrow(RangeError);
  const aborter = new AbortController();
  let steps = 0;
  const endless = slices.run(
    work(1_000_000, () => (steps += 1)),
    aborter.signal,
  );
  await nextTurn();
  aborter.abort(new Error("gone"));
  await expect(endless).rejects.toThrow("gone");
  const left = steps;
  await nextTurn();
  expect(steps).toBe(left);
});

it("lets those who pause go on a few at a time, what they do then included", async () => {
  const slices = new TimeSlices();
  let steps = 0;
  const pausing = async (): Promise<void> => {
    for (let round = 0; round < 3; round += 1) {
      await slices.pause();
      await Promise.resolve();
      const until = performance.now() + 1;
      while (performance.now() < until);
      steps += 1;
    }
  };
  const all = Array.from({ length: 40 }, pausing);
  let most = 0;
  while (steps < 120) {
    const before = steps;
    await nextTurn();
    most = Math.max(most, steps - before);
  }
  await Promise.all(all);
  // a slice has room for 3, and this turn's check phase may come before or after
  expect(most).toBeLessThanOrEqual(8);
});

it("gives owners equal times: one piece of work does not wait for hundreds of another owner", async () => {
  const slices = new TimeSlices();
  const steps = { many: 0, one: 0, nobody: 0 };
  const count = (owner: keyof typeof steps) => () => void (steps[owner] += 1);
  const running = Array.from({ length: 60 }, () => slices.run(work(3, count("many")), undefined, "many"));
  const nobody = slices.run(work(10, count("nobody")));
  const many = steps.many;
  await slices.run(work(10, count("one")), undefined, "one");
  // each owner has as many steps as the others, but for one or two
  expect(steps.many - many).toBeLessThanOrEqual(14);
  expect(steps.nobody).toBeLessThanOrEqual(12);
  await Promise.all([...running, nobody]);
});

/** Waits for one turn, and is over at once in it. */
function* crumb(): Steps<void> {
  const until = performance.now() + 1;
  while (performance.now() < until);
  yield;
}

it("counts the time that an owner uses, not how often it is its turn", async () => {
  const slices = new TimeSlices();
  const crumbs = Array.from({ length: 60 }, () => slices.run(crumb(), undefined, "crumbs"));
  let steps = 0;
  const aborter = new AbortController();
  const long = slices.run(
    work(1_000_000, () => (steps += 1)),
    aborter.signal,
    "long",
  );
  await Promise.all(crumbs);
  // of a slice of 2 ms they need very little
  expect(steps).toBeLessThan(20);
  aborter.abort(new Error("enough"));
  await expect(long).rejects.toThrow("enough");
});
