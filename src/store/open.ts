import { sqlStore } from "./sql.ts";
import { openSqlite } from "./sqlite.ts";
import type { Store } from "./store.ts";

/**
 * Opens the store: the PostgreSQL database at `url` where one is given, else the SQLite database of the data folder,
 * else one that lives in memory and ends with its owner. Throws when the database cannot be reached or used.
 */
export async function openStore(folder?: string, url?: string): Promise<Store> {
  return url === undefined ? sqlStore(openSqlite(folder)) : openShared(url);
}

/** The driver is loaded only where it is used: it costs the cold start 60 ms. */
async function openShared(url: string): Promise<Store> {
  const { openPostgres } = await import("./postgres.ts");
  try {
    return await sqlStore(openPostgres(url));
  } catch (error) {
    throw new Error(`store.url: the database cannot be used: ${reason(error)}`, { cause: error });
  }
}

/** A name with several addresses fails once for each of them, and as a whole says nothing. */
function reason(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reason).join("; ");
  return error instanceof Error ? error.message : String(error);
}
