import { chargedOutcomes } from "../model/outcome.ts";
import type { SqlValue } from "./database.ts";
import type { LedgerFilter } from "./store.ts";

/** What the queries of the ledger and of its sums have in common, as SQL. */

export const hourMs = 3_600_000;

/** Outcomes are words of the server, never of a caller. */
export const charged = [...chargedOutcomes].map((outcome) => `'${outcome}'`).join(", ");

/** Keys that are there, and those that were deleted. */
export const keyLabels = `(select id, name, owner, tags from api_key
  union all select id, name, owner, tags from former_name f where kind = 'key'
    and not exists (select 1 from api_key where id = f.id))`;

/** The same of organisations. */
export const organisationLabels = `(select id, name from organisation
  union all select id, name from former_name f where kind = 'organisation'
    and not exists (select 1 from organisation where id = f.id))`;

type Condition = readonly [sql: string, value: SqlValue | undefined];

/** The rows that a filter and `more` ask for. */
export function rowCondition(
  filter: LedgerFilter,
  more: readonly Condition[] = [],
): { where: string; values: SqlValue[] } {
  const all: readonly Condition[] = [
    ["at >= ?", filter.from],
    ["at < ?", filter.to],
    ["key_id = ?", filter.keyId],
    ["organisation = ?", filter.organisation],
    ["model = ?", filter.model],
    ["engine = ?", filter.engine],
    ...more,
  ];
  const asked = all.filter((row): row is [string, SqlValue] => row[1] !== undefined);
  return {
    where: asked.length === 0 ? "1 = 1" : asked.map(([sql]) => sql).join(" and "),
    values: asked.map(([, value]) => value),
  };
}
