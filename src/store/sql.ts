import { accountTable } from "./account-table.ts";
import type { SqlDatabase } from "./database.ts";
import { fileTable } from "./file-table.ts";
import { Holder } from "./holder.ts";
import { keyTable, organisationTable } from "./key-table.ts";
import { ledgerTable } from "./ledger-table.ts";
import { limitTable } from "./limit-table.ts";
import { migrate } from "./migrate.ts";
import { responseTable } from "./response-table.ts";
import { settingTable } from "./setting-table.ts";
import type { Store } from "./store.ts";

/** The store in SQL, over either driver. Migrates first; closes the database when that fails. */
export async function sqlStore(database: SqlDatabase): Promise<Store> {
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  const holder = new Holder(database);
  return {
    keys: keyTable(database),
    organisations: organisationTable(database),
    accounts: accountTable(database),
    ledger: ledgerTable(database),
    responses: responseTable(database, holder),
    files: fileTable(database),
    ...(database.dialect === "postgres" ? { limits: limitTable(database) } : {}),
    settings: settingTable(database),
    close: async () => {
      await holder.close();
      await database.close();
    },
  };
}
