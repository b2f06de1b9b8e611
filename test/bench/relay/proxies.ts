/** Parley and a bare proxy before one fake upstream, each in a process of its own. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "undici";
import { benchKey, startChild, type Child, type ChildOptions } from "../child.ts";
import { answerNames } from "./answers.ts";

/** A process that is measured, and connections to it. */
export interface Proxy {
  process: Child;
  pool: Pool;
}

export interface Proxies extends AsyncDisposable {
  bare: Proxy;
  parley: Proxy;
}

export interface ProxiesOptions {
  /** Folder for a processor profile of Parley. */
  profile?: string | undefined;
  /** Both can be asked about themselves. */
  inside?: boolean;
}

/** A stored key with limits and a budget, a ledger, prices, and a log at `info`: what a gateway is run with. */
function settings(upstream: string): object {
  const price = { input: 0.3, cached: 0.03, output: 1.2 };
  const limits = { requestsPerMinute: 1e9, tokensPerMinute: 1e12, streams: 10_000 };
  return {
    engines: { upstream: { kind: "upstream", url: `${upstream}/v1` } },
    models: Object.fromEntries(answerNames.map((name) => [name, { engine: "upstream", like: "MiniMax-M3" }])),
    prices: Object.fromEntries(answerNames.map((name) => [name, price])),
    keys: { bench: { secret: benchKey, limits, budget: 1e6 } },
    log: "info",
    logFormat: "json",
  };
}

export async function startProxies({ profile, inside = false }: ProxiesOptions = {}): Promise<Proxies> {
  await using starting = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "parley-relay-"));
  starting.defer(() => rm(folder, { recursive: true, force: true }));
  const start = async (script: string, args: readonly string[], options: ChildOptions = {}): Promise<Proxy> => {
    const process = await startChild(script, args, options);
    starting.defer(() => process.stop());
    const pool = new Pool(process.url, { pipelining: 1 });
    starting.defer(() => pool.destroy());
    return { process, pool };
  };
  const { url } = (await start("relay/upstream.ts", [])).process;
  const bare = await start("relay/bare.ts", [url], { inside });
  const config = join(folder, "parley.yaml");
  await writeFile(config, JSON.stringify(settings(url)));
  const parley = await start("../../bin/parley.js", ["serve", "--config", config], {
    flags: profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`],
    env: { PARLEY_API_KEYS: undefined, PARLEY_LOG: undefined },
    logToFile: true,
    inside,
  });
  const started = starting.move();
  return { bare, parley, [Symbol.asyncDispose]: () => started.disposeAsync() };
}
