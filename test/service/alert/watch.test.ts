import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BudgetWatch } from "../../../src/service/alert/budget-watch.ts";
import { ErrorWatch } from "../../../src/service/alert/error-watch.ts";
import type { Alert } from "../../../src/service/alert/webhooks.ts";
import { openStore } from "../../../src/store/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { row } from "../../contract/store.ts";

const raised: Alert[] = [];
const raise = (alert: Alert): void => void raised.push(alert);
beforeEach(() => raised.splice(0));

describe("BudgetWatch", () => {
  const start = Date.UTC(2026, 10, 28, 12);
  let now = start;
  let store: Store;
  let number = 0;
  beforeEach(async () => {
    now = start;
    store = await openStore();
  });
  afterEach(() => store.close());

  /** As another process would have. */
  const watch = (): BudgetWatch =>
    new BudgetWatch({
      accounts: store.accounts,
      notices: store.notices,
      budgets: () => ({ key: { day: 100 } }),
      percents: [80, 100],
      raise,
      nameOf: async (subject) => `name of ${subject}`,
      now: () => now,
      log: silentLog,
    });
  const spend = async (watcher: BudgetWatch, cost: number): Promise<void> => {
    const rows = [row(`r${(number += 1)}`, { keyId: "k", organisation: "o", at: now, cost })];
    await store.ledger.add(rows);
    await watcher.written(rows);
  };
  const percents = (): unknown[] => raised.map(({ data }) => [data["subject"], data["period"], data["percent"]]);

  it("tells once of each percent that is reached, whichever process sees it, and anew in the next period", async () => {
    const [one, other] = [watch(), watch()];
    await spend(one, 79);
    expect(raised).toEqual([]);
    await spend(one, 1);
    await spend(other, 5);
    expect(raised).toEqual([
      {
        event: "budget",
        text: "The key 'name of key:k' has spent 0.00008 of 0.0001 dollars, 80 % of its budget of this day.",
        data: {
          ...{ subject: "key:k", name: "name of key:k", period: "day", percent: 80 },
          ...{ budgetMicros: 100, spentMicros: 80, resetsAt: "2026-11-29T00:00:00.000Z" },
        },
      },
    ]);
    await Promise.all([spend(one, 20), spend(other, 20)]);
    expect(percents()).toEqual([
      ["key:k", "day", 80],
      ["key:k", "day", 100],
    ]);
    now += 24 * 3_600_000;
    await spend(other, 120);
    expect(percents().slice(2)).toEqual([["key:k", "day", 100]]);
  });

  it("tells of an organisation's budget, and anew when the budget is another one", async () => {
    await store.accounts.update("organisation:o", { budgets: { total: 10 } });
    await spend(watch(), 9);
    await store.accounts.update("organisation:o", { budgets: { total: 11 } });
    await spend(watch(), 0);
    await spend(watch(), 1);
    expect(percents()).toEqual([
      ["organisation:o", "total", 80],
      ["organisation:o", "total", 80],
    ]);
    expect(raised[0]?.data).toMatchObject({ resetsAt: null });
  });
});

describe("ErrorWatch", () => {
  function make(): { clock: { now: number }; end: (outcome: "stop" | "upstream" | "invalid", times: number) => void } {
    const clock = { now: 0 };
    const watch = new ErrorWatch({ percent: 20, raise, now: () => clock.now });
    return {
      clock,
      end: (outcome, times) => {
        for (let done = 0; done < times; done += 1) watch.ended({ outcome });
      },
    };
  }

  it("tells when the share is high, and again only after it was low", () => {
    const { clock, end } = make();
    end("upstream", 19);
    expect(raised).toEqual([]);
    end("upstream", 1);
    end("upstream", 30);
    expect(raised).toEqual([
      expect.objectContaining({ event: "errors-high", data: { failed: 20, all: 20, percent: 100, minutes: 5 } }),
    ]);
    clock.now = 6 * 60_000;
    end("stop", 81);
    end("upstream", 20);
    expect(raised).toHaveLength(1);
    end("upstream", 1);
    expect(raised).toHaveLength(2);
  });

  it("takes a share that swings around the percent for one", () => {
    const { end } = make();
    end("stop", 80);
    end("upstream", 20);
    for (let times = 0; times < 10; times += 1) {
      end("stop", 6);
      end("upstream", 2);
    }
    expect(raised).toHaveLength(1);
  });

  it("does not count what callers got wrong, nor what is older than five minutes", () => {
    const { clock, end } = make();
    end("invalid", 100);
    for (let minute = 0; minute < 12; minute += 1) {
      clock.now = minute * 60_000;
      end("stop", 9);
      end("upstream", 1);
    }
    expect(raised).toEqual([]);
  });
});
