import { invalid } from "../model/error.ts";
import type { SqlDatabase, SqlRunner } from "./database.ts";
import { migrations } from "./schema.ts";

/** Number of the advisory lock under which tables are made; the same in every version. */
const lockNumber = 7_237_001;

/**
 * Brings the tables to this version. Safe with several processes at once: the second waits and finds it done. Throws
 * `invalid` when the database was made by a newer version or by another program.
 */
export async function migrate(database: SqlDatabase): Promise<void> {
  const migrated = await database.transaction(async (inside) => {
    if (database.dialect === "postgres") await inside.all("select pg_advisory_xact_lock(?)", [lockNumber]);
    else await refuseForeign(inside, database.name);
    await inside.run("create table if not exists migration (number integer primary key)");
    const done = new Set((await inside.all("select number from migration")).map((row) => Number(row["number"])));
    const newest = Math.max(0, ...migrations.map((step) => step.number));
    const foreign = [...done].find((number) => number > newest);
    if (foreign !== undefined) {
      throw invalid(
        "",
        `the database ${database.name} has migration ${foreign}, this version knows up to ${newest}: use a newer Parley`,
      );
    }
    const missing = migrations.filter(({ number }) => !done.has(number));
    for (const step of missing) {
      for (const statement of [...step.statements, ...(step[database.dialect] ?? [])]) await inside.run(statement);
      await inside.run("insert into migration (number) values (?)", [step.number]);
    }
    return missing.length > 0;
  });
  // new tables take their room now: on a disk that is full later, rows can still be deleted
  if (migrated && database.dialect === "sqlite") await database.all("pragma wal_checkpoint(truncate)");
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
