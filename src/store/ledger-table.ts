import { monthOf, subjectsOf } from "../model/account.ts";
import { chargedOutcomes } from "../model/outcome.ts";
import { placeholders, type Row, type SqlDatabase, type SqlRunner, type SqlValue } from "./database.ts";
import type { LedgerRow, LedgerStore, UsageGroup, UsageQuery, UsageRow } from "./store.ts";

const columns =
  "id, request, at, key_id, organisation, model, engine, tier, outcome, input, cached, output, reasoning, cost";
const columnCount = columns.split(",").length;
/** Rows of one insert; PostgreSQL binds up to 65,535 values, SQLite up to 32,766. */
const rowsPerInsert = 250;
const dayMs = 86_400_000;
/** As SQL: outcomes are words of the server, never of a caller. */
const charged = [...chargedOutcomes].map((outcome) => `'${outcome}'`).join(", ");

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
    list: async (limit) =>
      (await database.all("select * from ledger order by at desc, id desc limit ?", [limit])).map(ledgerRow),
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

const groupColumn: Readonly<Record<UsageGroup, string>> = {
  key: "key_id",
  organisation: "organisation",
  model: "model",
  day: `at / ${dayMs}`,
};
const nameTable: Partial<Readonly<Record<UsageGroup, string>>> = { key: "api_key", organisation: "organisation" };

async function usage(database: SqlDatabase, query: UsageQuery): Promise<UsageRow[]> {
  const conditions: [string, SqlValue | undefined][] = [
    ["at >= ?", query.from],
    ["at < ?", query.to],
    ["key_id = ?", query.keyId],
    ["organisation = ?", query.organisation],
    ["model = ?", query.model],
  ];
  const asked = conditions.filter((row): row is [string, SqlValue] => row[1] !== undefined);
  const where = asked.length === 0 ? "" : `where ${asked.map(([condition]) => condition).join(" and ")}`;
  const rows = await database.all(
    `select ${groupColumn[query.by]} as grouped, count(*) as requests,
       sum(case when outcome in (${charged}) then 0 else 1 end) as failed,
       sum(case when outcome = 'canceled' then 1 else 0 end) as canceled,
       sum(input) as input, sum(cached) as cached, sum(output) as output, sum(reasoning) as reasoning, sum(cost) as cost
     from ledger ${where} group by 1 order by 1`,
    asked.map(([, value]) => value),
  );
  const table = nameTable[query.by];
  const named = table === undefined ? [] : await database.all(`select id, name from ${table}`);
  const names = new Map(named.map((row) => [String(row["id"]), String(row["name"])]));
  return rows.map((row) => usageRow(row, query.by, names));
}

function usageRow(row: Row, by: UsageGroup, names: ReadonlyMap<string, string>): UsageRow {
  const grouped = row["grouped"];
  const group = by === "day" ? new Date(Number(grouped) * dayMs).toISOString().slice(0, 10) : String(grouped ?? "");
  return {
    group,
    name: names.get(group) ?? group,
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
    organisation: row["organisation"] === null ? null : String(row["organisation"]),
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
