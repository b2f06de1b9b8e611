import { invalid } from "../model/error.ts";
import type { SqlDatabase, SqlRunner } from "./database.ts";
import { migrations } from "./schema.ts";

/** Number of the advisory lock under which tables are made; the same in every version. */
const lockNumber = 7_237_001;

/**
 * Brings the tables to this version. Safe with several processes at once: the second waits and finds it done. Tables of a newer
 * version are used as they are where that version says so (`worksFrom`). Throws `invalid` where it does not, and when the
 * database belongs to another program.
 */
export async function migrate(database: SqlDatabase): Promise<void> {
  const migrated = await database.transaction(async (inside) => {
    if (database.dialect === "postgres") await inside.all("select pg_advisory_xact_lock(?)", [lockNumber]);
    else await refuseForeign(inside, database.name);
    const done = await readDone(inside, database.dialect);
    const newest = Math.max(0, ...migrations.map((step) => step.number));
    const foreign = [...done.values()].find((worksFrom) => worksFrom > newest);
    if (foreign !== undefined) {
      throw invalid(
        "",
        `the database ${database.name} has migration ${Math.max(...done.keys())}, this version knows up to ${newest}: use a newer Parley`,
      );
    }
    const missing = migrations.filter(({ number }) => !done.has(number));
    for (const step of missing) {
      for (const statement of [...step.statements, ...(step[database.dialect] ?? [])]) await inside.run(statement);
      await inside.run("insert into migration (number, works_from) values (?, ?)", [
        step.number,
        step.worksFrom ?? step.number,
      ]);
    }
    return missing.length > 0;
  });
  // new tables take their room now: on a disk that is full later, rows can still be deleted
  if (migrated && database.dialect === "sqlite") await database.all("pragma wal_checkpoint(truncate)");
}

/**
 * Names of the columns of `migration`, none where it does not exist. It is looked at first: even where there is nothing to do,
 * PostgreSQL's `if not exists` wants the table for itself and for its owner.
 */
const columnsOf = {
  sqlite: "select name from pragma_table_info('migration')",
  postgres: `select attname as name from pg_attribute
    where attrelid = to_regclass('migration') and attnum > 0 and not attisdropped`,
};

/** The migrations that were run, each with the one up to which a program must know the tables to work with them. */
async function readDone(inside: SqlRunner, dialect: SqlDatabase["dialect"]): Promise<Map<number, number>> {
  const columns = (await inside.all(columnsOf[dialect])).map(({ name }) => name);
  if (columns.length === 0) await inside.run("create table migration (number integer primary key, works_from integer)");
  // databases of earlier versions
  else if (!columns.includes("works_from")) await inside.run("alter table migration add column works_from integer");
  const rows = await inside.all("select number, works_from from migration");
  return new Map(rows.map((row) => [Number(row["number"]), Number(row["works_from"] ?? row["number"])]));
}

/** A file with tables that are not ours is not touched. A PostgreSQL database may be shared with other programs. */
async function refuseForeign(inside: SqlRunner, name: string): Promise<void> {
  const rows = await inside.all("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'");
  if (rows.length === 0 || rows.some((row) => row["name"] === "migration")) return;
  throw invalid(
    "",
    `the database ${name} belongs to another program: choose another folder with --data or PARLEY_DATA`,
  );
}
