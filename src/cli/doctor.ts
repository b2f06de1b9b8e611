import { accessSync, constants, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { availableParallelism, totalmem } from "node:os";
import { createApp, type App } from "../app.ts";
import type { Config } from "../config/schema.ts";
import { causeMessage, toParleyError } from "../model/error.ts";
import { ask } from "./ask.ts";
import { openStore } from "../store/open.ts";
import { listenFault } from "./start-check.ts";

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
      return resolve(config.data);
    },
  },
  {
    name: "store",
    run: async (config) => {
      const store = await openStore(config.data, config.store.url?.reveal());
      const keys = await store.keys.list();
      await store.close();
      return `${config.store.url === undefined ? "SQLite in the data folder" : "PostgreSQL"}, ${keys.length} ${keys.length === 1 ? "key" : "keys"}`;
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

/** Runs the checks one after another and prints each outcome, as JSON all in one line; exit code 1 when any failed. */
export async function doctor(config: Config, json: boolean): Promise<void> {
  const outcomes: { check: string; ok: boolean; text: string }[] = [];
  for (const check of checks) {
    const outcome = await check.run(config).then(
      (text) => ({ check: check.name, ok: true, text }),
      (thrown: unknown) => ({ check: check.name, ok: false, text: reasonOf(thrown) }),
    );
    outcomes.push(outcome);
    if (!json) console.log(`${outcome.ok ? "ok  " : "FAIL"}  ${check.name}: ${outcome.text}`);
  }
  if (json) console.log(JSON.stringify(outcomes));
  if (outcomes.some(({ ok }) => !ok)) process.exitCode = 1;
}

function reasonOf(thrown: unknown): string {
  const error = toParleyError(thrown);
  return error.kind === "invalid" ? error.message : causeMessage(error);
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
    probe.once("error", (error) => reject(listenFault(error, host, port)));
    probe.listen(port, host, () => probe.close(() => resolve(`${host}:${port} is free`)));
  });
}
