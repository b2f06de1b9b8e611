import { calendarOf, type Calendar, type Period } from "../model/account.ts";
import { placeholders, type Row, type SqlDatabase, type SqlValue } from "./database.ts";
import type { AccountRecord, AccountStore } from "./store.ts";

/** Where the budget of each period stands in `account`. */
const budgetColumns: Readonly<Record<Period, string>> = {
  day: "budget_day",
  week: "budget_week",
  month: "budget",
  total: "budget_total",
};
const isSet = ["balance", ...Object.values(budgetColumns)].map((column) => `a.${column} is not null`).join(" or ");
const columns = `a.balance, a.budget_day, a.budget_week, a.budget, a.budget_total,
  a.day, a.day_cost, a.week, a.week_cost, a.month, a.month_cost, a.total_cost`;

export function accountTable(database: SqlDatabase): AccountStore {
  return {
    read: async (subjects, at) => {
      if (subjects.length === 0) return [];
      const rows = await database.all(
        `select a.subject, ${columns} from account a where a.subject in ${placeholders(1, subjects.length)}`,
        subjects,
      );
      const calendar = calendarOf(at);
      return subjects.map((subject) => {
        const row = rows.find((one) => one["subject"] === subject);
        return accountRecord(subject, row, calendar);
      });
    },
    list: async (at) => {
      const rows = await database.all(`select a.subject, ${columns} from account a where ${isSet} order by a.subject`);
      const calendar = calendarOf(at);
      return rows.map((row) => accountRecord(String(row["subject"]), row, calendar));
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
    update: async (subject, { balance, budgets = {} }) => {
      const given: [column: string, value: number | null | undefined][] = [
        ["balance", balance],
        ...Object.entries(budgetColumns).map(([period, column]): [string, number | null | undefined] => [
          column,
          budgets[period as Period],
        ]),
      ];
      const cells = given.filter((cell): cell is [string, number | null] => cell[1] !== undefined);
      const names = ["subject", ...cells.map(([column]) => column)].join(", ");
      const sets = ["subject = excluded.subject", ...cells.map(([column]) => `${column} = excluded.${column}`)];
      await database.run(
        `insert into account (${names}) values ${placeholders(1, cells.length + 1)}
         on conflict (subject) do update set ${sets.join(", ")}`,
        [subject, ...cells.map(([, value]) => value)],
      );
    },
    rename: async (from, to) => {
      await database.run(
        "update account set subject = ? where subject = ? and not exists (select 1 from account where subject = ?)",
        [to, from, to],
      );
    },
  };
}

function accountRecord(subject: string, row: Row | undefined, { day, week, month }: Calendar): AccountRecord {
  // a count of an earlier period has ended
  const spent = (period: "day" | "week" | "month", current: number): number =>
    Number(row?.[period]) === current ? Number(row?.[`${period}_cost`]) : 0;
  return {
    subject,
    balance: money(row?.["balance"]),
    budgets: {
      day: money(row?.["budget_day"]),
      week: money(row?.["budget_week"]),
      month: money(row?.["budget"]),
      total: money(row?.["budget_total"]),
    },
    spent: {
      day: spent("day", day),
      week: spent("week", week),
      month: spent("month", month),
      total: money(row?.["total_cost"]) ?? 0,
    },
  };
}

function money(value: SqlValue | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}
