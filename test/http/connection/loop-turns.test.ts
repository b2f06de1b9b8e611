import { expect, it } from "vitest";
import { LoopTurns } from "../../../src/http/connection/loop-turns.ts";

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Holds the event loop for a millisecond. */
function hold(): void {
  const until = performance.now() + 1;
  while (performance.now() < until);
}

it("begins a few pieces in each turn, owners in turns, and all in the end", async () => {
  const turns = new LoopTurns();
  const begun: string[] = [];
  const begin = (owner: string) => (): void => {
    begun.push(owner);
    hold();
  };
  for (let at = 0; at < 100; at++) turns.add("many", begin("many"));
  expect(begun.length).toBeLessThan(10);
  turns.add("few", begin("few"));
  await nextTurn();
  await nextTurn();
  expect(begun).toContain("few");
  expect(begun.length).toBeLessThan(20);
  for (let turn = 0; turn < 200 && begun.length < 101; turn++) await nextTurn();
  expect(begun).toHaveLength(101);
  let free = false;
  await nextTurn();
  turns.add("many", () => (free = true));
  expect(free).toBe(true);
});

it("counts what a piece goes on to do in microtasks", async () => {
  const turns = new LoopTurns();
  let done = 0;
  const begin = async (): Promise<void> => {
    await Promise.resolve();
    await Promise.resolve();
    hold();
    done += 1;
  };
  // the first ones fill this turn, the others wait
  for (let at = 0; at < 10; at++) turns.add("many", hold);
  for (let at = 0; at < 100; at++) turns.add("many", () => void begin());
  let most = 0;
  for (let turn = 0; turn < 300 && done < 100; turn++) {
    const before = done;
    await nextTurn();
    most = Math.max(most, done - before);
  }
  expect(done).toBe(100);
  expect(most).toBeLessThan(10);
});
