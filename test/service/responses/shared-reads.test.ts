import { expect, it, vi } from "vitest";
import { ByteBudget } from "../../../src/lib/byte-budget.ts";
import { SharedReads } from "../../../src/service/responses/shared-reads.ts";

const budgetOf = (bytes: number): ByteBudget =>
  new ByteBudget({ perOwner: bytes, total: bytes, refusal: () => new Error("full") });

it("what several read at the same time is loaded and counted once, until the last of them has ended", async () => {
  const [budget, reads] = [budgetOf(100), new SharedReads()];
  const load = vi.fn<() => Promise<object>>(async () => ({}));
  const readers = [1, 2, 3].map(() => {
    const lease = budget.lease("k");
    return { lease, end: lease.hold() };
  });
  const values = await Promise.all(readers.map(({ lease }) => reads.read("r", { lease, bytes: 60, load })));
  expect(new Set(values).size).toBe(1);
  expect([load.mock.calls.length, budget.used]).toEqual([1, 60]);
  readers[0]?.end();
  readers[1]?.end();
  expect(budget.used).toBe(60);
  readers[2]?.end();
  expect(budget.used).toBe(0);
  const later = budget.lease("k");
  later.hold();
  await reads.read("r", { lease: later, bytes: 60, load });
  expect(load).toHaveBeenCalledTimes(2);
});

it("what does not fit or cannot be loaded is refused, and leaves nothing behind", async () => {
  const [budget, reads] = [budgetOf(100), new SharedReads()];
  const load = vi.fn<() => Promise<object>>(() => Promise.reject(new Error("broken")));
  const lease = budget.lease("k");
  const end = lease.hold();
  await expect(reads.read("large", { lease, bytes: 101, load })).rejects.toThrow("full");
  expect(load).not.toHaveBeenCalled();
  await expect(reads.read("r", { lease, bytes: 1, load })).rejects.toThrow("broken");
  load.mockResolvedValue({});
  expect(await reads.read("r", { lease, bytes: 1, load })).toEqual({});
  end();
  expect(budget.used).toBe(0);
});

it("a reader who has ended before the value is there holds nothing", async () => {
  const [budget, reads] = [budgetOf(100), new SharedReads()];
  const lease = budget.lease("k");
  lease.hold()();
  await reads.read("r", { lease, bytes: 60, load: async () => ({}) });
  expect(budget.used).toBe(0);
});
