import { expect, it } from "vitest";
import { LoopTurns } from "../../../src/http/connection/loop-turns.ts";

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("begins a few pieces at once, owners in turns, and all in the end", async () => {
  const turns = new LoopTurns();
  const begun: string[] = [];
  for (let at = 0; at < 100; at++) turns.add("many", () => begun.push("many"));
  expect(begun.length).toBeLessThan(20);
  turns.add("few", () => begun.push("few"));
  await nextTurn();
  await nextTurn();
  expect(begun).toContain("few");
  expect(begun.length).toBeLessThan(40);
  for (let turn = 0; turn < 100 && begun.length < 101; turn++) await nextTurn();
  expect(begun).toHaveLength(101);
  let free = false;
  await nextTurn();
  turns.add("many", () => (free = true));
  expect(free).toBe(true);
});
