import type { Row, SqlDatabase } from "./database.ts";
import type { AccountRecord, AccountStore } from "./store.ts";

const upsert = (column: "balance" | "budget"): string =>
  `insert into account (subject, ${column}) values (?, ?) on conflict (subject) do update set ${column} = excluded.${column}`;

export function accountTable(database: SqlDatabase): AccountStore {
  return {
    read: async (subjects, month) => {
      if (subjects.length === 0) return [];
      const marks = subjects.map(() => "?").join(", ");
      const [accounts, spends] = await Promise.all([
        database.all(`select * from account where subject in (${marks})`, subjects),
        database.all(`select * from spend where month = ? and subject in (${marks})`, [month, ...subjects]),
      ]);
      return subjects.map((subject) =>
        accountRecord(subject, accounts.find(of(subject)), spends.find(of(subject))?.["cost"]),
      );
    },
    list: async (month) => {
      const rows = await database.all(
        `select a.*, s.cost from account a left join spend s on s.subject = a.subject and s.month = ?
         where a.balance is not null or a.budget is not null order by a.subject`,
        [month],
      );
      return rows.map((row) => accountRecord(String(row["subject"]), row, row["cost"]));
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
    setBalance: async (subject, balance) => {
      await database.run(upsert("balance"), [subject, balance]);
    },
    setBudget: async (subject, budget) => {
      await database.run(upsert("budget"), [subject, budget]);
    },
  };
}

function of(subject: string): (row: Row) => boolean {
  return (row) => row["subject"] === subject;
}

function accountRecord(subject: string, row: Row | undefined, spent: unknown): AccountRecord {
  return { subject, balance: money(row?.["balance"]), budget: money(row?.["budget"]), spent: money(spent) ?? 0 };
}

function money(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}
