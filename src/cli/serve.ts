import { createApp, type App } from "../app.ts";
import type { Config } from "../config/schema.ts";

/** Starts the server, tells its URL, and stops cleanly on SIGTERM and SIGINT. */
export async function serve(config: Config): Promise<void> {
  const app = await createApp(config);
  const stopped = stopOnSignal(app, config.server.drainSeconds);
  try {
    const { url, firstKey } = await app.listen();
    if (firstKey !== undefined) {
      console.log(`A first API key was made. It is shown only now:\n\n    ${firstKey}\n`);
    }
    for (const line of app.notes) console.log(line);
    console.log(`Parley listens on ${url}`);
  } catch (error) {
    await app.close(0);
    throw error;
  }
  await stopped;
}

function stopOnSignal(app: App, drainSeconds: number): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (): void => {
      const grace = asked ? 0 : drainSeconds;
      asked = true;
      void app.close(grace).then(() => {
        process.off("SIGTERM", stop);
        process.off("SIGINT", stop);
        resolve();
      });
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
}
