import { describe, expect, it } from "vitest";
import { refuseSpent, unspentOf, type Budgets } from "../../src/policy/budget.ts";
import type { AccountRecord } from "../../src/store/store.ts";

const account: AccountRecord = { subject: "key:a", balance: null, budget: null, spent: 0 };
const check = (record: AccountRecord, budgets: Budgets = {}, pending = 0): void =>
  refuseSpent(unspentOf(record, budgets, pending));

describe("refuseSpent", () => {
  it("lets pass what is held to nothing, and what has something left", () => {
    expect(() => check({ ...account, spent: 1e15 })).not.toThrow();
    expect(() => check({ ...account, balance: 1, budget: 5, spent: 4 })).not.toThrow();
  });

  it.each([
    [{ ...account, balance: 0 }, {}, 0],
    [{ ...account, balance: -3 }, {}, 0],
    [{ ...account, balance: 10 }, {}, 10],
    [{ ...account, budget: 0 }, {}, 0],
    [{ ...account, budget: 5, spent: 5 }, {}, 0],
    [{ ...account, budget: 5, spent: 3 }, {}, 2],
    [{ ...account, spent: 7 }, { key: 7 }, 0],
    [{ ...account, subject: "organisation:o", spent: 7 }, { organisation: 7 }, 0],
  ])("refuses %j with budgets %j and %d not yet written", (record, budgets, pending) => {
    expect(() => check(record, budgets, pending)).toThrow(expect.objectContaining({ kind: "balance" }));
  });

  it("takes an own budget before the configured one, and each kind's own", () => {
    expect(unspentOf({ ...account, budget: 100, spent: 50 }, { key: 10 }, 20)).toEqual({ budget: 30 });
    expect(unspentOf({ ...account, spent: 50 }, { organisation: 10 }, 0)).toEqual({});
  });
});
