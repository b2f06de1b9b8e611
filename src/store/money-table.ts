import { calendarOf } from "../model/account.ts";
import type { SqlDatabase } from "./database.ts";
import type { MoneyAnswer, MoneyStore } from "./money-store.ts";

/** Seconds after which a reservation that no one renewed no longer counts, as in the function. */
const holdSeconds = 30;
const nowSecond = "floor(extract(epoch from clock_timestamp()))::bigint";
const listed = "id in (select jsonb_array_elements_text(?::jsonb))";

/** Reservations in PostgreSQL, whose tables are there; every call is one round trip. */
export function moneyTable(database: SqlDatabase): MoneyStore {
  return {
    reserve: async ({ id, accounts, at, amount }) => {
      const { day, week, month } = calendarOf(at);
      const values = [JSON.stringify(accounts), JSON.stringify({ day, week, month }), id, amount];
      const [row] = await database.all(
        "select parley_reserve(?::jsonb, ?::jsonb, ?, ?::bigint)::text as answer",
        values,
      );
      return JSON.parse(String(row?.["answer"])) as MoneyAnswer;
    },
    settle: async (id, used) => {
      await database.run("update money_hold set amount = ?, exceeding = false where id = ?", [used, id]);
    },
    release: async (ids) => {
      await database.run(`delete from money_hold where ${listed}`, [JSON.stringify(ids)]);
    },
    renew: async (ids) => {
      if (ids.length > 0) {
        await database.run(`update money_hold set renewed = ${nowSecond} where ${listed}`, [JSON.stringify(ids)]);
      }
      await database.run(`delete from money_hold where renewed <= ${nowSecond} - ${holdSeconds}`);
    },
  };
}
