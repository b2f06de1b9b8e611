/** A database that counts what is asked of it, and one that keeps nothing in memory. */
import type { SqlDatabase } from "../../src/store/database.ts";

export interface CountedDatabase extends SqlDatabase {
  /** Texts of the queries since the last `take`. */
  take(): string[];
}

/** Statements of transactions are the writes of the ledger and of the administration; they are not counted. */
export function counted(inner: SqlDatabase): CountedDatabase {
  let queries: string[] = [];
  return {
    ...uncached(inner),
    get commits() {
      return inner.commits;
    },
    all: (sql, values) => {
      queries.push(sql);
      return inner.all(sql, values);
    },
    take: () => {
      const taken = queries;
      queries = [];
      return taken;
    },
  };
}

export function uncached(inner: SqlDatabase): SqlDatabase {
  return {
    dialect: inner.dialect,
    name: inner.name,
    all: (sql, values) => inner.all(sql, values),
    run: (sql, values) => inner.run(sql, values),
    transaction: (work) => inner.transaction(work),
    close: () => inner.close(),
  };
}
