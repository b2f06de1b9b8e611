import type { Account, BudgetStatus } from "./accounts.ts";
import type { KeyRecord, LedgerEntry, OrganisationRecord, UsageRow, UsageSums } from "../store/store.ts";

/** Records as operators see them, on the command line and in the admin API: times as ISO texts, no hashes. */

export function keyView(record: KeyRecord): Record<string, unknown> {
  const { id, name, prefix, disabled, owner, organisation, tags, models, ranges, limits } = record;
  return {
    ...{ id, name, prefix, disabled, owner, organisation, tags, models, ranges, limits },
    createdAt: iso(record.createdAt),
    expiresAt: iso(record.expiresAt),
    lastUsedAt: iso(record.lastUsedAt),
    oldSecretUntil: iso(record.oldSecretUntil),
    declared: record.declared,
  };
}

export function organisationView(record: OrganisationRecord): Record<string, unknown> {
  const { id, name, disabled, limits, declared } = record;
  return { id, name, disabled, limits, createdAt: iso(record.createdAt), declared };
}

/** Money in millionths of a dollar. `budgetMicros` and `spentMicros` are its own budget of a month and what counts for it. */
export function accountView({ subject, name, balance, spent, budgets, ownBudgets }: Account): Record<string, unknown> {
  return {
    subject,
    name,
    balanceMicros: balance,
    budgetMicros: ownBudgets.month,
    spentMicros: spent.month,
    budgets: budgets.map(budgetView),
  };
}

/** `from` says where the budget is set. */
function budgetView({ period, limit, spent: used, own, resetsAt }: BudgetStatus): Record<string, unknown> {
  return {
    period,
    budgetMicros: limit,
    spentMicros: used,
    leftMicros: Math.max(0, limit - used),
    resetsAt: iso(resetsAt ?? null),
    from: own ? "account" : "settings",
  };
}

export function usageView(row: UsageRow): Record<string, string | number> {
  const { group, name, second } = row;
  return { group, name, ...(second && { secondGroup: second.group, secondName: second.name }), ...sumsView(row) };
}

export function sumsView(sums: UsageSums): Record<string, number> {
  const { requests, failed, canceled, input, cached, output, reasoning, cost } = sums;
  return { requests, failed, canceled, input, cached, output, reasoning, costMicros: cost };
}

/** One answer; `request` is its `trace-id` header. */
export function ledgerView({ id: _id, at, cost, ...row }: LedgerEntry): Record<string, unknown> {
  return { ...row, at: iso(at), costMicros: cost };
}

/** Comma-separated values (RFC 4180) with a head line; `pairs` where the report is by two. */
export function usageCsv(rows: readonly UsageRow[], pairs = false): string {
  const second = pairs ? ",secondGroup,secondName" : "";
  const head = `group,name${second},requests,failed,canceled,input,cached,output,reasoning,costMicros`;
  return [head, ...rows.map((row) => Object.values(usageView(row)).map(cell).join(","))].join("\r\n") + "\r\n";
}

function cell(value: string | number): string {
  const text = String(value);
  // a spreadsheet would run a text that begins like a formula
  const safe = typeof value === "string" && /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function iso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}

/** Rows of a list that is read page by page, and where the next one begins; absent on the last page. */
export interface Page<Row> {
  rows: readonly Row[];
  next?: string;
}

/** A page of `limit` rows, of a list that was asked for one more. */
export function pageOf<Row extends { at: number; id: string }>(found: readonly Row[], limit: number): Page<Row> {
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  return found.length > limit && last !== undefined ? { rows, next: `${last.at}-${last.id}` } : { rows };
}
