import { describe, expect, it } from "vitest";
import { leftOf, refuseSpent, unspentOf, type Budgets } from "../../src/policy/budget.ts";
import type { AccountRecord } from "../../src/store/store.ts";

const noBudgets = { day: null, week: null, month: null, total: null };
const nothing = { day: 0, week: 0, month: 0, total: 0 };
const account: AccountRecord = { subject: "key:a", balance: null, budgets: noBudgets, spent: nothing };
const saturday = Date.UTC(2026, 10, 28, 15);
const check = (record: AccountRecord, budgets: Budgets = {}, pending = 0): void =>
  refuseSpent(unspentOf(record, budgets, pending), saturday);
const own = (
  budgets: Partial<AccountRecord["budgets"]>,
  spent: Partial<AccountRecord["spent"]> = {},
): AccountRecord => ({
  ...account,
  budgets: { ...noBudgets, ...budgets },
  spent: { ...nothing, ...spent },
});

describe("refuseSpent", () => {
  it("lets pass what is held to nothing, and what has something left", () => {
    expect(() => check({ ...account, spent: { ...nothing, total: 1e15 } })).not.toThrow();
    expect(() => check({ ...own({ day: 5, total: 9 }, { day: 4, total: 8 }), balance: 1 })).not.toThrow();
  });

  const ofKey = "insufficient balance: the";
  it.each([
    [{ ...account, balance: 0 }, {}, 0, `${ofKey} balance of this key is 0 dollars`],
    [{ ...account, balance: -3 }, {}, 0, `${ofKey} balance of this key is -0.000003 dollars`],
    [{ ...account, balance: 10 }, {}, 10, `${ofKey} balance of this key is 0 dollars`],
    [
      own({ day: 0 }),
      {},
      0,
      `${ofKey} budget of a day of this key is spent (0 of 0 dollars); it begins anew at 2026-11-29T00:00:00.000Z`,
    ],
    [
      own({ week: 5_000_000 }, { week: 5_100_000 }),
      {},
      0,
      "a week of this key is spent (5.1 of 5 dollars); it begins anew at 2026-11-30T00:00:00.000Z",
    ],
    [
      own({ month: 5 }, { month: 3 }),
      {},
      2,
      "a month of this key is spent (0.000005 of 0.000005 dollars); it begins anew at 2026-12-01T00:00:00.000Z",
    ],
    [
      own({ total: 5 }, { total: 5 }),
      {},
      0,
      `${ofKey} total budget of this key is spent (0.000005 of 0.000005 dollars); it does not begin anew`,
    ],
    [own({}, { month: 7 }), { key: { month: 7 } }, 0, "a month of this key is spent"],
    [
      { ...own({}, { day: 7 }), subject: "organisation:o" },
      { organisation: { day: 7 } },
      0,
      "a day of the organisation of this key is spent",
    ],
  ])("refuses %j with budgets %j and %d not yet written", (record, budgets, pending, words) => {
    expect(() => check(record, budgets, pending)).toThrow(
      expect.objectContaining({ kind: "balance", message: expect.stringContaining(words) }),
    );
  });

  it("takes an own budget before the configured one of that period, and each kind's own", () => {
    const both = unspentOf(own({ month: 100 }, { day: 5, month: 50 }), { key: { month: 10, day: 8 } }, 20);
    expect(both.budgets).toEqual([
      { period: "day", limit: 8, spent: 25, own: false },
      { period: "month", limit: 100, spent: 70, own: true },
    ]);
    expect(leftOf(both)).toBe(-17);
    expect(unspentOf(own({}, { month: 50 }), { organisation: { month: 10 } }, 0)).toEqual({
      subject: "key:a",
      budgets: [],
    });
    expect(leftOf({ subject: "key:a", budgets: [] })).toBe(Infinity);
  });
});
