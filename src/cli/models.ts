import { createApp } from "../app.ts";
import type { Config } from "../config/schema.ts";
import { openStore } from "../store/open.ts";

/** Lists the served names and the engines behind them; loads no model. */
export async function listModels(config: Config, json: boolean): Promise<void> {
  const app = await createApp(config, { store: await openStore() });
  try {
    const rows = app.models.describe();
    if (json) console.log(JSON.stringify(rows));
    else console.table(rows);
  } finally {
    await app.close(0);
  }
}
