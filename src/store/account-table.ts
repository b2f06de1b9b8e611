import { placeholders, type Row, type SqlDatabase } from "./database.ts";
import type { AccountRecord, AccountStore } from "./store.ts";

export function accountTable(database: SqlDatabase): AccountStore {
  return {
    read: async (subjects, month) => {
      if (subjects.length === 0) return [];
      const asked = subjects.map(() => "select cast(? as text) as subject").join(" union all ");
      const rows = await database.all(
        `select q.subject, a.balance, a.budget, s.cost from (${asked}) q
         left join account a on a.subject = q.subject left join spend s on s.subject = q.subject and s.month = ?`,
        [...subjects, month],
      );
      return subjects.map((subject) =>
        accountRecord(
          subject,
          rows.find((row) => row["subject"] === subject),
        ),
      );
    },
    list: async (month) => {
      const rows = await database.all(
        `select a.*, s.cost from account a left join spend s on s.subject = a.subject and s.month = ?
         where a.balance is not null or a.budget is not null order by a.subject`,
        [month],
      );
      return rows.map((row) => accountRecord(String(row["subject"]), row));
    },
    credit: async (subject, amount) => {
      const [row] = await database.all(
        `insert into account (subject, balance) values (?, ?)
         on conflict (subject) do update set balance = coalesce(account.balance, 0) + excluded.balance
         returning balance`,
        [subject, amount],
      );
      return Number(row?.["balance"]);
    },
    update: async (subject, { balance, budget }) => {
      const given: [column: string, value: number | null | undefined][] = [
        ["balance", balance],
        ["budget", budget],
      ];
      const cells = given.filter((cell): cell is [string, number | null] => cell[1] !== undefined);
      const columns = ["subject", ...cells.map(([column]) => column)].join(", ");
      const sets = ["subject = excluded.subject", ...cells.map(([column]) => `${column} = excluded.${column}`)];
      await database.run(
        `insert into account (${columns}) values ${placeholders(1, cells.length + 1)}
         on conflict (subject) do update set ${sets.join(", ")}`,
        [subject, ...cells.map(([, value]) => value)],
      );
    },
    rename: (from, to) =>
      database.transaction(async (inside) => {
        for (const table of ["account", "spend"]) {
          const taken = await inside.all(`select 1 from ${table} where subject = ? limit 1`, [to]);
          if (taken.length === 0) await inside.run(`update ${table} set subject = ? where subject = ?`, [to, from]);
        }
      }),
  };
}

function accountRecord(subject: string, row: Row | undefined): AccountRecord {
  return {
    subject,
    balance: money(row?.["balance"]),
    budget: money(row?.["budget"]),
    spent: money(row?.["cost"]) ?? 0,
  };
}

function money(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}
