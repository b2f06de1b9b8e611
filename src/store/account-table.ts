import { calendarOf, type Calendar, type Period } from "../model/account.ts";
import type { Changes } from "./changes.ts";
import { placeholders, type Row, type SqlDatabase, type SqlValue } from "./database.ts";
import { RowCache } from "./row-cache.ts";
import type { AccountChange, AccountRecord, AccountStore } from "./store.ts";

/** Where the budget of each period stands in `account`. */
const budgetColumns: Readonly<Record<Period, string>> = {
  day: "budget_day",
  week: "budget_week",
  month: "budget",
  total: "budget_total",
};
const isSet = ["balance", ...Object.values(budgetColumns)].map((column) => `${column} is not null`).join(" or ");
const columns = `subject, balance, budget_day, budget_week, budget, budget_total,
  day, day_cost, week, week_cost, month, month_cost, total_cost`;

/** Accounts kept in memory, rows and terms each. */
const maxKept = 20_000;

/** Accounts as they stand in the table, by subject; without a row: an empty one. */
export function accountRows(changes: Changes): RowCache<Row> {
  return new RowCache({ stamp: changes.accounts, maxRows: maxKept });
}

/** `rows`: shared with the ledger, which changes them too. */
export function accountTable(database: SqlDatabase, changes: Changes, rows: RowCache<Row>): AccountStore {
  const isHeld = new RowCache<boolean>({ stamp: changes.terms, maxRows: maxKept });
  const select = (wanted: string, subjects: readonly string[], more = ""): Promise<Row[]> =>
    database.all(`select ${wanted} from account where subject in ${placeholders(1, subjects.length)}${more}`, subjects);
  return {
    held: async (subjects) => {
      const held = await isHeld.get(subjects, async (missing) => {
        const found = new Set((await select("subject", missing, ` and (${isSet})`)).map((row) => row["subject"]));
        return new Map(missing.map((subject) => [subject, found.has(subject)]));
      });
      return subjects.filter((_subject, index) => held[index] === true);
    },
    read: async (subjects, at) => {
      const found = await rows.get(subjects, async (missing) => bySubject(missing, await select(columns, missing)));
      const calendar = calendarOf(at);
      return subjects.map((subject, index) => accountRecord(subject, found[index], calendar));
    },
    list: async (at) => {
      const set = await database.all(`select ${columns} from account where ${isSet} order by subject`);
      const calendar = calendarOf(at);
      return set.map((row) => accountRecord(String(row["subject"]), row, calendar));
    },
    credit: (subject, amount) => changes.by(credit(database, subject, amount)),
    update: (subject, change) => changes.by(update(database, subject, change)),
    rename: async (from, to) => {
      const sql =
        "update account set subject = ? where subject = ? and not exists (select 1 from account where subject = ?)";
      await changes.by(database.run(sql, [to, from, to]));
    },
  };
}

function bySubject(subjects: readonly string[], rows: readonly Row[]): Map<string, Row> {
  const none: Row = {};
  return new Map(subjects.map((subject) => [subject, rows.find((row) => row["subject"] === subject) ?? none]));
}

async function credit(database: SqlDatabase, subject: string, amount: number): Promise<number> {
  const [row] = await database.all(
    `insert into account (subject, balance) values (?, ?)
     on conflict (subject) do update set balance = coalesce(account.balance, 0) + excluded.balance
     returning balance`,
    [subject, amount],
  );
  return Number(row?.["balance"]);
}

async function update(database: SqlDatabase, subject: string, { balance, budgets = {} }: AccountChange): Promise<void> {
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
