import { monthOf, subjectsOf } from "../model/account.ts";
import { placeholders, type Row, type SqlDatabase, type SqlRunner, type SqlValue } from "./database.ts";
import { keyLabels, organisationLabels, rowCondition } from "./ledger-condition.ts";
import type { LedgerEntry, LedgerQuery, LedgerRow, LedgerStore } from "./store.ts";
import { keepSums, usage } from "./usage-table.ts";

const columns =
  "id, request, at, key_id, organisation, model, engine, tier, outcome, input, cached, output, reasoning, cost";
const columnCount = columns.split(",").length;
/** Rows of one insert; PostgreSQL binds up to 65,535 values, SQLite up to 32,766. */
const rowsPerInsert = 250;

const spend = `insert into spend (subject, month, cost) values (?, ?, ?)
  on conflict (subject, month) do update set cost = spend.cost + excluded.cost`;

export function ledgerTable(database: SqlDatabase): LedgerStore {
  return {
    add: async (rows) => {
      if (rows.length === 0) return;
      await database.transaction(async (inside) => {
        const added: LedgerRow[] = [];
        for (let at = 0; at < rows.length; at += rowsPerInsert)
          added.push(...(await insert(inside, rows.slice(at, at + rowsPerInsert))));
        await charge(inside, added);
      });
    },
    usage: (query) => usage(database, query),
    list: (query) => list(database, query),
    sweep: (before, limit) => database.transaction((inside) => sweep(inside, before, limit)),
  };
}

/** Returns those that were not there: an earlier try may have succeeded although its answer was lost. */
async function insert(inside: SqlRunner, rows: readonly LedgerRow[]): Promise<LedgerRow[]> {
  const sql = `insert into ledger (${columns}) values ${placeholders(rows.length, columnCount)}
    on conflict (id) do nothing returning id`;
  const added = new Set((await inside.all(sql, rows.flatMap(values))).map((row) => String(row["id"])));
  // each once, should a row be given twice
  return rows.filter(({ id }) => added.delete(id));
}

/** Sums first, so that a batch touches each subject once; in one order, so that two processes cannot lock each other. */
async function charge(inside: SqlRunner, rows: readonly LedgerRow[]): Promise<void> {
  const spent = new Map<string, { subject: string; month: number; cost: number }>();
  const used = new Map<string, number>();
  for (const row of rows) {
    used.set(row.keyId, Math.max(row.at, used.get(row.keyId) ?? 0));
    for (const subject of subjectsOf(row)) {
      const month = monthOf(row.at);
      const name = `${subject} ${month}`;
      spent.set(name, { subject, month, cost: row.cost + (spent.get(name)?.cost ?? 0) });
    }
  }
  for (const [, { subject, month, cost }] of [...spent].toSorted(byName)) {
    if (cost === 0) continue;
    await inside.run(spend, [subject, month, cost]);
    await inside.run("update account set balance = balance - ? where subject = ? and balance is not null", [
      cost,
      subject,
    ]);
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
