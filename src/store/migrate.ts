import type { SqlDatabase } from "./database.ts";
import { migrations } from "./schema.ts";

/** Number of the advisory lock under which tables are made; the same in every version. */
const lockNumber = 7_237_001;

/**
 * Brings the tables to this version. Safe with several processes at once: the second waits and finds it done. Throws
 * when the database was made by a newer version.
 */
export async function migrate(database: SqlDatabase): Promise<void> {
  await database.transaction(async (inside) => {
    if (database.dialect === "postgres") await inside.all("select pg_advisory_xact_lock(?)", [lockNumber]);
    await inside.run("create table if not exists migration (number integer primary key)");
    const done = new Set((await inside.all("select number from migration")).map((row) => Number(row["number"])));
    const newest = Math.max(0, ...migrations.map((step) => step.number));
    const foreign = [...done].find((number) => number > newest);
    if (foreign !== undefined) {
      throw new Error(`the database has migration ${foreign}, this version knows up to ${newest}: use a newer Parley`);
    }
    for (const step of migrations) {
      if (done.has(step.number)) continue;
      for (const statement of [...step.statements, ...(step[database.dialect] ?? [])]) await inside.run(statement);
      await inside.run("insert into migration (number) values (?)", [step.number]);
    }
  });
}
