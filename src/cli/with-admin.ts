import { resolve } from "node:path";
import type { Config } from "../config/schema.ts";
import { systemIds } from "../model/id.ts";
import { openAdmin, type AdminService } from "../service/admin.ts";
import { hasDatabase, openStore } from "../store/open.ts";
import { commandActor } from "./actor.ts";

/** Opens the store, does one thing with it and closes it. A database that this makes is reported: it may be in the wrong folder. */
export async function withAdmin(config: Config, work: (admin: AdminService) => Promise<void>): Promise<void> {
  const url = config.store.url?.reveal();
  const isNew = url === undefined && !hasDatabase(config.data);
  const store = await openStore(config.data, url);
  if (isNew) {
    process.stderr.write(
      `parley: ${resolve(config.data)} held no data yet, and has a new database now. A server uses it only with this ` +
        "data folder (--data or PARLEY_DATA).\n",
    );
  }
  try {
    const admin = await openAdmin(store, systemIds, {
      staticKeys: config.apiKeys.map((key) => key.reveal()),
      budgets: config.budgets,
    });
    await admin.audit.as(commandActor(), () => work(admin));
  } finally {
    await store.close();
  }
}
