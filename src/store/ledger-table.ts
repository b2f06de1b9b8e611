import { nextLoopTurn } from "../lib/loop-turn.ts";
import { calendarOf, subjectsOf } from "../model/account.ts";
import { placeholders, type Row, type SqlDatabase, type SqlRunner, type SqlValue } from "./database.ts";
import { hourMs, keyLabels, organisationLabels, rowCondition } from "./ledger-condition.ts";
import type { RowCache } from "./row-cache.ts";
import type { LedgerEntry, LedgerQuery, LedgerRow, LedgerStore } from "./store.ts";
import { keepSums, usage } from "./usage-table.ts";

const columns =
  "id, request, at, key_id, organisation, model, engine, tier, outcome, input, cached, output, reasoning, cost";
const columnCount = columns.split(",").length;
/**
 * Rows of one insert. PostgreSQL gets many in one round trip, and binds up to 65,535 values. In SQLite, which is asked nothing
 * over a wire, one statement that is always the same costs less than one of as many rows (docs/bench.md).
 */
const rowsPerInsert = { sqlite: 1, postgres: 250 };
const dayMs = 24 * hourMs;

/** A count goes on within its period, begins anew with a later one, and is not touched by rows that come late. */
const counted = ["day", "week", "month"].map(
  (period) => `${period}_cost = case when excluded.${period} > account.${period} then excluded.${period}_cost
      when excluded.${period} = account.${period} then account.${period}_cost + excluded.${period}_cost
      else account.${period}_cost end,
    ${period} = case when excluded.${period} > account.${period} then excluded.${period} else account.${period} end`,
);
/** Without a balance there is nothing to take it from. */
const spend = `insert into account (subject, day, day_cost, week, week_cost, month, month_cost, total_cost)
  values (?, ?, ?, ?, ?, ?, ?, ?)
  on conflict (subject) do update set ${counted.join(", ")},
    total_cost = account.total_cost + excluded.total_cost, balance = account.balance - excluded.total_cost`;

/** `accounts`: the rows in memory of what a batch charges. */
export function ledgerTable(database: SqlDatabase, accounts: Pick<RowCache<Row>, "forget">): LedgerStore {
  return {
    add: async (rows) => {
      if (rows.length === 0) return;
      await database.transaction(async (inside) => {
        const added: LedgerRow[] = [];
        const step = rowsPerInsert[database.dialect];
        for (let at = 0; at < rows.length; at += step) added.push(...(await insert(inside, rows.slice(at, at + step))));
        await charge(inside, added);
      });
      // until its caller goes on, the old accounts and what it adds to them are the truth: both end in one step
      await nextLoopTurn();
      accounts.forget(rows.flatMap(subjectsOf));
    },
    usage: (query) => usage(database, query),
    list: (query) => list(database, query),
    sweep: (before, limit) => database.transaction((inside) => sweep(inside, before, limit)),
  };
}

const insertText = (rows: number): string => `insert into ledger (${columns}) values ${placeholders(rows, columnCount)}
  on conflict (id) do nothing returning id`;
/** Made once: SQLite gets no other, and under load most of PostgreSQL's are of this size. */
const usualInserts = new Map(Object.values(rowsPerInsert).map((rows) => [rows, insertText(rows)] as const));

/** Returns those that were not there: an earlier try may have succeeded although its answer was lost. */
async function insert(inside: SqlRunner, rows: readonly LedgerRow[]): Promise<LedgerRow[]> {
  const sql = usualInserts.get(rows.length) ?? insertText(rows.length);
  const added = new Set((await inside.all(sql, rows.flatMap(values))).map((row) => String(row["id"])));
  // each once, should a row be given twice
  return rows.filter(({ id }) => added.delete(id));
}

/** Sums first, so that a batch touches each subject once; in one order, so that two processes cannot lock each other. */
async function charge(inside: SqlRunner, rows: readonly LedgerRow[]): Promise<void> {
  // by subject and day; a batch nearly always has rows of one day only
  const spent = new Map<string, { subject: string; at: number; cost: number }>();
  const used = new Map<string, number>();
  for (const row of rows) {
    used.set(row.keyId, Math.max(row.at, used.get(row.keyId) ?? 0));
    for (const subject of subjectsOf(row)) {
      const name = `${subject} ${String(Math.floor(row.at / dayMs)).padStart(9, "0")}`;
      spent.set(name, { subject, at: row.at, cost: row.cost + (spent.get(name)?.cost ?? 0) });
    }
  }
  for (const [, { subject, at, cost }] of [...spent].toSorted(byName)) {
    if (cost === 0) continue;
    const { day, week, month } = calendarOf(at);
    await inside.run(spend, [subject, day, cost, week, cost, month, cost, cost]);
  }
  for (const [keyId, at] of [...used].toSorted(byName)) {
    await inside.run("update api_key set last_used_at = ? where id = ? and coalesce(last_used_at, 0) < ?", [
      at,
      keyId,
      at,
    ]);
  }
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}

/** A page costs the rows that are passed over: a filter without an index walks the ledger from the newest row on. */
async function list(
  database: SqlDatabase,
  { after, limit, outcome, request, ...filter }: LedgerQuery,
): Promise<LedgerEntry[]> {
  const { where, values } = rowCondition(filter, [
    ["outcome = ?", outcome],
    ["request = ?", request],
    ["at <= ?", after?.at],
  ]);
  const place: readonly [string, readonly SqlValue[]] =
    after === undefined ? ["", []] : [" and (at < ? or id < ?)", [after.at, after.id]];
  const rows = await database.all(
    `select l.*, k.name as key_name, o.name as organisation_name
     from (select * from ledger where ${where}${place[0]} order by at desc, id desc limit ?) l
     left join ${keyLabels} k on k.id = l.key_id left join ${organisationLabels} o on o.id = l.organisation
     order by l.at desc, l.id desc`,
    [...values, ...place[1], limit],
  );
  return rows.map((row) => ({
    ...ledgerRow(row),
    keyName: text(row["key_name"]),
    organisationName: text(row["organisation_name"]),
  }));
}

async function sweep(inside: SqlRunner, before: number, limit: number): Promise<number> {
  const rows = await inside.all(
    "delete from ledger where id in (select id from ledger where at < ? order by at limit ?) returning *",
    [before, limit],
  );
  await keepSums(inside, rows.map(ledgerRow));
  return rows.length;
}

function text(value: SqlValue | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}

function values(row: LedgerRow): SqlValue[] {
  const { id, request, at, keyId, organisation, model, engine, tier, outcome } = row;
  const { input, cached, output, reasoning, cost } = row;
  return [id, request, at, keyId, organisation, model, engine, tier, outcome, input, cached, output, reasoning, cost];
}

function ledgerRow(row: Row): LedgerRow {
  return {
    id: String(row["id"]),
    request: String(row["request"]),
    at: Number(row["at"]),
    keyId: String(row["key_id"]),
    organisation: text(row["organisation"]),
    model: String(row["model"]),
    engine: String(row["engine"]),
    tier: row["tier"] === "priority" ? "priority" : "standard",
    outcome: String(row["outcome"]),
    input: Number(row["input"]),
    cached: Number(row["cached"]),
    output: Number(row["output"]),
    reasoning: Number(row["reasoning"]),
    cost: Number(row["cost"]),
  };
}
