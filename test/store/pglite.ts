/** PostgreSQL without a server, behind the same driver port: where no server is installed. One connection, in turn. */
import type { PGlite, Transaction } from "@electric-sql/pglite";
import type { Row, SqlDatabase, SqlRunner } from "../../src/store/database.ts";
import { numbered, storable } from "../../src/store/postgres.ts";

export function pgliteDatabase(database: PGlite): SqlDatabase {
  return {
    dialect: "postgres",
    name: "PGlite",
    ...runner(database),
    transaction: (work) => database.transaction((inside) => work(runner(inside))),
    close: async () => undefined,
  };
}

function runner(on: PGlite | Transaction): SqlRunner {
  return {
    all: async (sql, values = []) => (await on.query<Row>(numbered(sql), values.map(storable))).rows,
    run: async (sql, values = []) => (await on.query(numbered(sql), values.map(storable))).affectedRows ?? 0,
  };
}
