/**
 * What `import ... from "@parley-ai/parley"` gives: the whole server in the caller's own process. For tests there is
 * `testing.ts`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, loadConfig } from "./config/load.ts";
import type { ConfigInput } from "./config/schema.ts";
import type { GenerationRequest } from "./model/request.ts";
import { systemIds } from "./model/id.ts";

export { ConfigError };
export type { GenerationRequest } from "./model/request.ts";

/** The oldest major version of Node that runs this; also in bin/parley.js and package.json. */
const nodeFloor = 24;

/** The settings of docs/config.md, all optional. `engine` is short for one engine that serves every model name. */
export type Settings = ConfigInput & { engine?: string };

export interface Server {
  /** A key that requests may use: the first of `apiKeys`, else one made for this server. */
  readonly apiKey: string;
  /** What reached the engines that keep a `journal`, as the engine sees it; oldest first for each engine. */
  requests(): readonly GenerationRequest[];
  /** Takes requests from now on. Default: the `host` of the settings and any free port, unless they name one. */
  listen(at?: { host?: string; port?: number }): Promise<{ url: string }>;
  /** Refuses new requests, lets running ones end for `graceSeconds` (default 0), and frees everything. */
  close(graceSeconds?: number): Promise<void>;
}

/**
 * Builds a server from settings as a file would hold them; paths in them are relative to the working folder, and neither
 * the environment nor a file is read. Nothing is logged and nothing is kept unless `log`, `data` or `store` say so: by
 * default the database is in memory and files lie in a temporary folder that `close` deletes. Throws `ConfigError`, also
 * where the Node is too old or an engine's package is not installed.
 */
export async function createApp(settings: Settings = {}): Promise<Server> {
  const { createApp: buildApp, openStore } = await load();
  const [apiKey = `sk-${systemIds.hex(40)}`, ...others] = settings.apiKeys ?? [];
  const temporary = settings.data === undefined ? await mkdtemp(join(tmpdir(), "parley-")) : undefined;
  const remove = async (): Promise<void> => {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  };
  try {
    const data = settings.data ?? temporary;
    const given = { log: "silent", port: 0, ...settings, data, apiKeys: [apiKey, ...others] };
    const config = loadConfig({ settings: given, environment: {}, flags: {} });
    if (config.workers > 1) {
      const reason = "a server inside a program is one process; parley serve starts workers";
      throw new ConfigError(`workers: found ${config.workers}; ${reason}`);
    }
    const keepsNothing = temporary !== undefined && config.store.url === undefined;
    const app = await buildApp(config, keepsNothing ? { store: await openStore() } : {});
    return {
      apiKey,
      requests: () => [...app.catalog.engines().values()].flatMap(({ requests = [] }) => requests),
      listen: async (at) => ({ url: (await app.listen(at)).url }),
      close: async (graceSeconds = 0) => {
        await app.close(graceSeconds);
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Imported late: an old Node could not load these files, and its error would not say that Node is too old. */
async function load() {
  const { node } = process.versions;
  if (Number.parseInt(node, 10) < nodeFloor) {
    throw new ConfigError(`Parley needs Node ${nodeFloor} or newer, found ${node}`);
  }
  const [{ createApp }, { openStore }] = await Promise.all([import("./app.ts"), import("./store/open.ts")]);
  return { createApp, openStore };
}
