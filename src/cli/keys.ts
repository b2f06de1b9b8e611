import type { Config } from "../config/schema.ts";
import { systemIds } from "../model/id.ts";
import { AdminService } from "../service/admin.ts";
import { openStore } from "../store/open.ts";

/** Makes a key and prints it, this once. */
export async function createKey(config: Config, options: { name: string; json: boolean }): Promise<void> {
  const store = await openStore(config.data);
  try {
    const { key, record } = await new AdminService(store, systemIds).createKey(options.name);
    if (options.json) console.log(JSON.stringify({ id: record.id, name: record.name, key }));
    else console.log(`${key}\n\nKept is only its hash: this is the one time the key is shown.`);
  } finally {
    await store.close();
  }
}

export async function listKeys(config: Config, json: boolean): Promise<void> {
  const store = await openStore(config.data);
  try {
    const keys = (await store.keys.list()).map(({ id, name, prefix, createdAt, disabled }) => ({
      id,
      name,
      prefix,
      createdAt: new Date(createdAt).toISOString(),
      disabled,
    }));
    if (json) console.log(JSON.stringify(keys));
    else if (keys.length === 0) console.log("No keys yet. `parley keys create --name NAME` makes one.");
    else console.table(keys);
  } finally {
    await store.close();
  }
}
