import { openSqlite } from "./sqlite.ts";
import type { Store } from "./store.ts";

/** Opens the store of a data folder; without a folder one that lives in memory and ends with its owner. */
export async function openStore(folder?: string): Promise<Store> {
  return openSqlite(folder);
}
