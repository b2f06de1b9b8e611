import { accessSync, constants, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism, totalmem } from "node:os";
import { createApp, type App } from "../app.ts";
import type { Config } from "../config/schema.ts";
import { toParleyError } from "../model/error.ts";
import { ask } from "./ask.ts";
import { openStore } from "../store/open.ts";

interface Check {
  name: string;
  /** Returns what was found; throws an error that says what is wrong and what to do. */
  run(config: Config): Promise<string>;
}

const gibibyte = 1024 ** 3;
const engineTimeoutMs = 60_000;

const checks: readonly Check[] = [
  { name: "node", run: async () => `${process.version} on ${process.platform}-${process.arch}` },
  {
    name: "machine",
    run: async () => `${availableParallelism()} cores, ${(totalmem() / gibibyte).toFixed(1)} GiB of memory`,
  },
  {
    name: "data folder",
    run: async (config) => {
      mkdirSync(config.data, { recursive: true, mode: 0o700 });
      accessSync(config.data, constants.W_OK);
      return config.data;
    },
  },
  {
    name: "store",
    run: async (config) => {
      const store = await openStore(config.data, config.store.url?.reveal());
      const keys = await store.keys.list();
      await store.close();
      return `${config.store.url === undefined ? "SQLite in the data folder" : "PostgreSQL"}, ${keys.length} keys`;
    },
  },
  { name: "address", run: (config) => canListen(config.host, config.port) },
  {
    name: "engines",
    run: async (config) => {
      const app = await createApp({ ...config, log: "silent" }, { store: await openStore() });
      try {
        return await tryEngines(app);
      } finally {
        await app.close(0);
      }
    },
  },
];

/** Runs the checks one after another and prints each outcome; exit code 1 when any failed. */
export async function doctor(config: Config): Promise<void> {
  for (const check of checks) {
    try {
      console.log(`ok    ${check.name}: ${await check.run(config)}`);
    } catch (thrown) {
      const error = toParleyError(thrown);
      const cause = error.kind !== "invalid" && error.cause instanceof Error ? error.cause : error;
      console.log(`FAIL  ${check.name}: ${cause.message}`);
      process.exitCode = 1;
    }
  }
}

/** Generates a few tokens with every engine; throws at the first that fails. */
async function tryEngines(app: App): Promise<string> {
  const found: string[] = [];
  for (const [name, engine] of app.catalog.engines()) {
    const started = performance.now();
    const request = ask(await app.models.nameAt(name), "Hello");
    const stop = AbortSignal.timeout(engineTimeoutMs);
    for await (const batch of engine.generate({ ...request, sampling: { stop: [], maxTokens: 4 } }, stop)) {
      const finish = batch.find((event) => event.type === "finish");
      if (finish?.error !== undefined) throw finish.error;
    }
    found.push(`${name} (${engine.kind}) answers in ${Math.round(performance.now() - started)} ms`);
  }
  return found.join("; ");
}

function canListen(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        new Error(
          error.code === "EADDRINUSE" ? `${host}:${port} is in use; choose another with --port` : error.message,
        ),
      );
    });
    probe.listen(port, host, () => probe.close(() => resolve(`${host}:${port} is free`)));
  });
}
