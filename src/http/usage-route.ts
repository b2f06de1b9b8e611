import type { FastifyInstance } from "fastify";
import { endOf, startOf } from "../model/account.ts";
import type { Remaining } from "../model/limit.ts";
import { checkInput, ownUsageQuery } from "../service/admin-input.ts";
import type { BudgetStatus } from "../service/accounts.ts";
import type { OwnMoney, OwnUsage, OwnUsageService } from "../service/own-usage.ts";

/** Where the vendor's clients ask for what is left of a plan: today's path, and older ones that some still use. */
const planPaths = ["/v1/token_plan/remains", "/v1/coding_plan/remains", "/v1/api/openplatform/coding_plan/remains"];

/** What the caller's own key used, and what it has left. */
export function mountUsage(server: FastifyInstance, own: OwnUsageService, now: () => number): void {
  server.get("/v1/usage", async ({ caller, query }) => {
    const asked = checkInput(query, ownUsageQuery);
    const usage = await own.usage(caller, asked);
    const groups = asked.by.filter((group) => group !== undefined);
    return {
      object: "usage",
      key: { id: caller.keyId, name: caller.name, organisation: caller.organisation ?? null },
      from: iso(usage.from),
      to: iso(usage.to),
      data: usage.rows.map((row) => usageLine(row, groups)),
      balances: usage.money.flatMap(({ of, balance }) =>
        balance === undefined ? [] : [{ of, balance_micros: balance }],
      ),
      budgets: usage.money.flatMap(({ of, budgets }) => budgets.map((budget) => budgetLine(of, budget))),
      limits: limitLines(usage.limits),
    };
  });
  for (const path of planPaths) {
    server.get(path, async ({ caller }) => ({
      model_remains: [planRemains((await own.left(caller)).money, now())],
      base_resp: { status_code: 0, status_msg: "success" },
    }));
  }
}

function usageLine(
  { name, second, ...sums }: OwnUsage["rows"][number],
  groups: readonly string[],
): Record<string, unknown> {
  const names = [name, second?.name];
  return {
    ...Object.fromEntries(groups.map((group, at) => [group, names[at]])),
    requests: sums.requests,
    failed: sums.failed,
    canceled: sums.canceled,
    input_tokens: sums.input,
    cached_tokens: sums.cached,
    output_tokens: sums.output,
    reasoning_tokens: sums.reasoning,
    cost_micros: sums.cost,
  };
}

function budgetLine(of: OwnMoney["of"], { period, limit, spent, resetsAt }: BudgetStatus): Record<string, unknown> {
  return {
    of,
    period,
    budget_micros: limit,
    spent_micros: spent,
    left_micros: Math.max(0, limit - spent),
    resets_at: resetsAt === undefined ? null : iso(resetsAt),
  };
}

function limitLines({ requests, tokens, streams }: OwnUsage["limits"]): Record<string, unknown>[] {
  const line = (kind: string, left: Remaining | undefined): Record<string, unknown>[] =>
    left === undefined
      ? []
      : [{ kind, limit: left.limit, remaining: left.remaining, reset_seconds: Math.ceil(left.reset) }];
  return [...line("requests_per_minute", requests), ...line("tokens_per_minute", tokens), ...line("streams", streams)];
}

/** The vendor's words for a quota that holds, and for one that the plan does not have. */
const planStatus = { holds: 1, none: 3 };

/**
 * One row in the form of the vendor's token plan, as its account page and its clients read it (2026-11): all text models
 * together are `general`, what is left stands in percent and the counts, which there are units of a plan, are 0. The
 * interval is the tightest of the budgets that are not of a week.
 */
function planRemains(money: readonly OwnMoney[], now: number): Record<string, unknown> {
  const budgets = money.flatMap((one) => one.budgets);
  const interval = tightest(budgets.filter(({ period }) => period !== "week"));
  const week = tightest(budgets.filter(({ period }) => period === "week"));
  const isEmpty = money.some(({ balance }) => balance !== undefined && balance <= 0);
  const [start, end] = spanOf(interval?.period ?? "day", now);
  const [weekStart, weekEnd] = spanOf("week", now);
  return {
    model_name: "general",
    start_time: start,
    end_time: end,
    remains_time: Math.max(0, end - now),
    current_interval_total_count: 0,
    current_interval_usage_count: 0,
    current_interval_remaining_percent: isEmpty ? 0 : percentOf(interval),
    current_interval_status: interval === undefined && !isEmpty ? planStatus.none : planStatus.holds,
    current_weekly_total_count: 0,
    current_weekly_usage_count: 0,
    current_weekly_remaining_percent: percentOf(week),
    current_weekly_status: week === undefined ? planStatus.none : planStatus.holds,
    weekly_start_time: weekStart,
    weekly_end_time: weekEnd,
    weekly_remains_time: weekEnd - now,
  };
}

function tightest(budgets: readonly BudgetStatus[]): BudgetStatus | undefined {
  return budgets.toSorted((a, b) => percentOf(a) - percentOf(b))[0];
}

/** Rounded down: 0 only means spent, or nearly so. */
function percentOf(budget: BudgetStatus | undefined): number {
  if (budget === undefined) return 100;
  const { limit, spent } = budget;
  return limit <= 0 ? 0 : Math.max(0, Math.floor(((limit - spent) / limit) * 100));
}

/** Start and end; zeros for a budget that never begins anew. */
function spanOf(period: BudgetStatus["period"], now: number): [number, number] {
  return [startOf(period, now) ?? 0, endOf(period, now) ?? 0];
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
