import { chargedOutcomes } from "../model/outcome.ts";
import type { Row, SqlDatabase, SqlRunner, SqlValue } from "./database.ts";
import { charged, hourMs, keyLabels, organisationLabels, rowCondition } from "./ledger-condition.ts";
import type { LedgerFilter, LedgerRow, UsageGroup, UsageLabel, UsageQuery, UsageRow } from "./store.ts";

const dayMs = 24 * hourMs;
const sums = ["requests", "failed", "canceled", "input", "cached", "output", "reasoning", "cost"] as const;

/** How a report is made by one kind of group. */
interface Grouping {
  /** What rows are grouped by, as SQL. */
  by: string;
  /** What it is called, as SQL; default the same. */
  name?: string;
  /** Tables that it needs besides the rows, by the alias that `by` and `name` use. */
  joins?: readonly Join[];
  /** The group as reports show it. */
  show?: (value: SqlValue) => string;
}

type Join = "k" | "o" | "t";

const groupings: Readonly<Record<UsageGroup, Grouping>> = {
  key: { by: "l.key_id", name: "k.name", joins: ["k"] },
  owner: { by: "coalesce(k.owner, '')", joins: ["k"] },
  tag: { by: "t.value", joins: ["k", "t"] },
  organisation: { by: "coalesce(l.organisation, '')", name: "o.name", joins: ["o"] },
  model: { by: "l.model" },
  engine: { by: "l.engine" },
  day: { by: `l.at / ${dayMs}`, show: (day) => isoTime(Number(day) * dayMs).slice(0, "2026-11-20".length) },
  hour: {
    by: `l.at / ${hourMs}`,
    show: (hour) => `${isoTime(Number(hour) * hourMs).slice(0, "2026-11-20T13:00".length)}Z`,
  },
};

/** The tags of a key as rows; one empty tag for a key without. */
const tagList = "case when coalesce(k.tags, '[]') = '[]' then '[\"\"]' else k.tags end";
const joins: Readonly<Record<SqlDatabase["dialect"], Readonly<Record<Join, string>>>> = {
  sqlite: tables(`cross join json_each(${tagList}) t`),
  postgres: tables(`cross join lateral jsonb_array_elements_text((${tagList})::jsonb) t`),
};

function tables(tags: string): Readonly<Record<Join, string>> {
  return {
    k: `left join ${keyLabels} k on k.id = l.key_id`,
    o: `left join ${organisationLabels} o on o.id = l.organisation`,
    t: tags,
  };
}

/** Rows of the ledger, and the sums of those that were deleted, in one form. */
function usedRows(filter: LedgerFilter): { sql: string; values: SqlValue[] } {
  const { where, values } = rowCondition(filter);
  return {
    sql: `(select at, key_id, organisation, model, engine, 1 as requests,
        case when outcome in (${charged}) then 0 else 1 end as failed,
        case when outcome = 'canceled' then 1 else 0 end as canceled, input, cached, output, reasoning, cost
      from ledger where ${where}
      union all select * from (select hour * ${hourMs} as at, key_id, nullif(organisation, '') as organisation, model, engine,
        requests, failed, canceled, input, cached, output, reasoning, cost from usage_hour) h where ${where}) l`,
    values: [...values, ...values],
  };
}

/** A report in the order of its groups. Rows that were deleted for their age count with the hour they fell in. */
export async function usage(database: SqlDatabase, { by, ...filter }: UsageQuery): Promise<UsageRow[]> {
  const groups = by.filter((group) => group !== undefined).map((group) => groupings[group]);
  const needed = new Set(groups.flatMap((group) => group.joins ?? []));
  const columns = groups.flatMap((group, at) => [
    `${group.by} as group${at}`,
    `${group.name ?? group.by} as name${at}`,
  ]);
  const used = usedRows(filter);
  const order = columns.map((_, at) => at + 1);
  const rows = await database.all(
    `select ${columns.join(", ")}, ${sums.map((sum) => `sum(l.${sum}) as ${sum}`).join(", ")}
     from ${used.sql} ${[...needed].map((join) => joins[database.dialect][join]).join(" ")}
     group by ${order.join(", ")} order by ${order.join(", ")}`,
    used.values,
  );
  return rows.map((row) => usageRow(row, groups));
}

function usageRow(row: Row, groups: readonly Grouping[]): UsageRow {
  const [first = { group: "", name: "" }, second] = groups.map(({ show, name }, at): UsageLabel => {
    const value = row[`group${at}`] ?? "";
    const group = show === undefined ? String(value) : show(value);
    const named = name === undefined ? undefined : row[`name${at}`];
    return { group, name: named === undefined || named === null ? group : String(named) };
  });
  return {
    ...first,
    ...(second !== undefined && { second }),
    requests: Number(row["requests"]),
    failed: Number(row["failed"]),
    canceled: Number(row["canceled"]),
    input: Number(row["input"]),
    cached: Number(row["cached"]),
    output: Number(row["output"]),
    reasoning: Number(row["reasoning"]),
    cost: Number(row["cost"]),
  };
}

/** Adds rows that leave the ledger to the sums of their hours; in one order, so that two processes cannot lock each other. */
export async function keepSums(inside: SqlRunner, rows: readonly LedgerRow[]): Promise<void> {
  const kept = new Map<string, { place: SqlValue[]; amounts: number[] }>();
  for (const row of rows) {
    const place = [Math.floor(row.at / hourMs), row.keyId, row.organisation ?? "", row.model, row.engine];
    const name = JSON.stringify(place);
    const before = kept.get(name)?.amounts;
    kept.set(name, { place, amounts: amountsOf(row).map((amount, at) => amount + (before?.[at] ?? 0)) });
  }
  for (const [, { place, amounts }] of [...kept].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    await inside.run(addSums, [...place, ...amounts]);
  }
}

const addSums = `insert into usage_hour (hour, key_id, organisation, model, engine, ${sums.join(", ")})
  values (${Array.from({ length: 5 + sums.length }, () => "?").join(", ")})
  on conflict (hour, key_id, organisation, model, engine) do update set
  ${sums.map((sum) => `${sum} = usage_hour.${sum} + excluded.${sum}`).join(", ")}`;

/** In the order of `sums`. */
function amountsOf({ outcome, input, cached, output, reasoning, cost }: LedgerRow): number[] {
  const failed = chargedOutcomes.has(outcome) ? 0 : 1;
  return [1, failed, outcome === "canceled" ? 1 : 0, input, cached, output, reasoning, cost];
}

function isoTime(at: number): string {
  return new Date(at).toISOString();
}
