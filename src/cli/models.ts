import { createApp } from "../app.ts";
import type { Config } from "../config/schema.ts";

/** Lists the served names and the engines behind them; loads no model. */
export async function listModels(config: Config, json: boolean): Promise<void> {
  const app = await createApp(config);
  try {
    const rows = app.models.describe();
    if (json) console.log(JSON.stringify(rows));
    else console.table(rows);
  } finally {
    await app.close(0);
  }
}
