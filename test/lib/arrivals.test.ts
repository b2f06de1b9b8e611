import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { Arrivals } from "../../src/lib/arrivals.ts";
import { TimeSlices, type Steps } from "../../src/lib/time-slices.ts";

it("lets work wait while connections come in, and no longer", async () => {
  const arrivals = new Arrivals();
  expect(arrivals.busy).toBe(false);
  arrivals.note();
  expect(arrivals.busy).toBe(true);
  await nextTurn();
  arrivals.note();
  await nextTurn();
  expect(arrivals.busy).toBe(true);
  // a turn without one
  await nextTurn();
  await nextTurn();
  expect(arrivals.busy).toBe(false);
  arrivals.note();
  // work has its time first
  expect(arrivals.busy).toBe(false);
});

it("lets work go on where connections come in without end", async () => {
  const slices = new TimeSlices();
  function* work(): Steps<string> {
    for (let step = 0; step < 5; step += 1) {
      const until = performance.now() + 2;
      while (performance.now() < until);
      yield;
    }
    return "done";
  }
  slices.arrivals.note();
  let found = "";
  const running = slices.run(work()).then((result) => (found = result));
  const started = performance.now();
  while (found === "" && performance.now() - started < 10_000) {
    slices.arrivals.note();
    await nextTurn();
  }
  expect(found).toBe("done");
  await running;
});

it("are many from the eighth on, and a hundred of them come first, whatever time that takes", async () => {
  const arrivals = new Arrivals();
  for (let count = 0; count < 7; count += 1) arrivals.note();
  expect(arrivals.crowded).toBe(false);
  arrivals.note();
  expect(arrivals.crowded).toBe(true);
  // the time of a first turn
  const until = performance.now() + 12;
  while (performance.now() < until);
  for (let count = 8; count < 120; count += 1) {
    await nextTurn();
    arrivals.note();
  }
  expect(arrivals.crowded).toBe(true);
  for (let count = 120; count < 140; count += 1) arrivals.note();
  expect(arrivals.crowded).toBe(false);
  expect(arrivals.busy).toBe(false);
});
