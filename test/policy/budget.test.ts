import { describe, expect, it } from "vitest";
import { refuseSpent } from "../../src/policy/budget.ts";

const account = { subject: "key:a", balance: null, budget: null, spent: 0 };
const none = (): number => 0;

describe("refuseSpent", () => {
  it("lets pass what is held to nothing, and what has something left", () => {
    expect(() => refuseSpent([{ ...account, spent: 1e15 }], {}, none)).not.toThrow();
    expect(() => refuseSpent([{ ...account, balance: 1, budget: 5, spent: 4 }], {}, none)).not.toThrow();
    expect(() => refuseSpent([], { key: 0 }, none)).not.toThrow();
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
    expect(() => refuseSpent([account, record], budgets, () => pending)).toThrow(
      expect.objectContaining({ kind: "balance" }),
    );
  });

  it("takes an own budget before the configured one, and each kind's own", () => {
    expect(() => refuseSpent([{ ...account, budget: 100, spent: 50 }], { key: 10 }, none)).not.toThrow();
    expect(() => refuseSpent([{ ...account, spent: 50 }], { organisation: 10 }, none)).not.toThrow();
  });
});
