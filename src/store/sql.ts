import { accountTable } from "./account-table.ts";
import type { SqlDatabase } from "./database.ts";
import { fileTable } from "./file-table.ts";
import { keyTable, organisationTable } from "./key-table.ts";
import { WorkerLease } from "./lease.ts";
import { ledgerTable } from "./ledger-table.ts";
import { limitTable } from "./limit-table.ts";
import { migrate } from "./migrate.ts";
import { responseTable } from "./response-table.ts";
import type { LimitStore, SettingStore, Store } from "./store.ts";

/**
 * The store in SQL, over either driver. Migrates first; closes the database when that fails. `now` is the clock by which
 * responses expire, in milliseconds since the Unix epoch.
 */
export async function sqlStore(database: SqlDatabase, now: () => number = Date.now): Promise<Store> {
  await migrateOrClose(database);
  const lease = new WorkerLease(database);
  return {
    keys: keyTable(database),
    organisations: organisationTable(database),
    accounts: accountTable(database),
    ledger: ledgerTable(database),
    responses: responseTable(database, lease, now),
    files: fileTable(database),
    settings: settingTable(database),
    close: async () => {
      await lease.release();
      await database.close();
    },
  };
}

/** The shared counters of a PostgreSQL database. Migrates first; closes the database when that fails. */
export async function sqlLimitStore(database: SqlDatabase): Promise<LimitStore> {
  await migrateOrClose(database);
  return limitTable(database);
}

async function migrateOrClose(database: SqlDatabase): Promise<void> {
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
}

function settingTable(database: SqlDatabase): SettingStore {
  const get = async (name: string): Promise<string | undefined> => {
    const [row] = await database.all("select value from setting where name = ?", [name]);
    return row === undefined ? undefined : String(row["value"]);
  };
  return {
    get,
    setOnce: async (name, value) => {
      const sql = "insert into setting (name, value) values (?, ?) on conflict (name) do nothing";
      await database.run(sql, [name, value]);
      return (await get(name)) ?? value;
    },
  };
}
