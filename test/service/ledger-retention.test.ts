import { expect, it } from "vitest";
import { LedgerRetention } from "../../src/service/ledger-retention.ts";

const dayMs = 24 * 3_600_000;

it("deletes what is older than the days that are kept, a piece at a time", async () => {
  const asked: [number, number][] = [];
  const left = [100, 100, 7];
  const sweep = async (before: number, limit: number): Promise<number> => {
    asked.push([before, limit]);
    return left.shift() ?? 0;
  };
  const retention = new LedgerRetention({ ledger: { sweep }, keepMs: 30 * dayMs, now: () => 100 * dayMs });
  expect(await retention.sweep()).toBe(207);
  expect(asked).toEqual(Array.from({ length: 3 }, () => [70 * dayMs, 100]));
});

it("keeps everything where no days are set", async () => {
  const sweep = async (): Promise<number> => {
    throw new Error("nothing is to be deleted");
  };
  expect(await new LedgerRetention({ ledger: { sweep }, keepMs: undefined, now: () => 0 }).sweep()).toBe(0);
});
