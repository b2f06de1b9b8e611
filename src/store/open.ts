import type { SqlDatabase } from "./database.ts";
import { sqlStore } from "./sql.ts";
import { openSqlite } from "./sqlite.ts";
import type { Store } from "./store.ts";

/**
 * Opens the store: the PostgreSQL database at `url` where one is given, else the SQLite database of the data folder,
 * else one that lives in memory and ends with its owner. Throws when the database cannot be reached.
 */
export async function openStore(folder?: string, url?: string): Promise<Store> {
  const database = url === undefined ? openSqlite(folder) : await postgres(url);
  return sqlStore(database);
}

/** The driver is loaded only where it is used: it costs the cold start 60 ms. */
async function postgres(url: string): Promise<SqlDatabase> {
  const { openPostgres } = await import("./postgres.ts");
  return openPostgres(url);
}
