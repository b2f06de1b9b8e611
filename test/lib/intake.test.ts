import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { Intake } from "../../src/lib/intake.ts";

const kibibytes = 1024;

it("lets little through at once", async () => {
  const intake = new Intake();
  for (let turn = 0; turn < 3; turn += 1) {
    for (let body = 0; body < 7; body += 1) expect(intake.take(64 * kibibytes)).toBeUndefined();
    await nextTurn();
  }
});

it("what would make a turn longer waits for later turns, first come first served, up to a megabyte a turn", async () => {
  const intake = new Intake();
  const received: number[] = [];
  const body = async (index: number): Promise<void> => {
    for (let chunk = 0; chunk < 4; chunk += 1) {
      received.push(index);
      await intake.take(64 * kibibytes);
    }
  };
  const bodies = Array.from({ length: 40 }, (_, index) => body(index));
  let over = false;
  void Promise.all(bodies).then(() => (over = true));
  let most = 0;
  for (let before = received.length; !over; before = received.length) {
    await nextTurn();
    most = Math.max(most, received.length - before);
  }
  expect(received).toHaveLength(160);
  // eight go on, and before the turn is full up to seven again
  expect(most).toBeLessThan(16);
  expect(received.slice(40, 80).toSorted((one, other) => one - other)).toEqual(
    Array.from({ length: 40 }, (_, at) => at),
  );
});
