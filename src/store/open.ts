import { openSqlite } from "./sqlite.ts";
import type { Store } from "./store.ts";

/** Opens the store of a data folder. */
export async function openStore(folder: string): Promise<Store> {
  return openSqlite(folder);
}
