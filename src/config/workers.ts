import { ConfigError } from "./load.ts";
import type { Config, EngineConfig } from "./schema.ts";

/** Why workers cannot share an engine, by its kind; those that are not here can be shared. */
const unshared: Readonly<Partial<Record<EngineConfig["kind"], string>>> = {
  "llama-server": "is started by the server, and each worker would start one of its own",
};

/** Throws `ConfigError` where these settings cannot be served by that many processes. */
export function checkWorkers({ engines }: Pick<Config, "engines">, workers: number): void {
  if (workers === 1) return;
  for (const [name, engine] of Object.entries(engines)) {
    const { kind } = engine.kind === "replay" ? engine.engine : engine;
    const reason = unshared[kind];
    if (reason !== undefined) throw unshareable(workers, `the engine ${name} (kind: ${kind})`, reason);
  }
}

function unshareable(workers: number, engine: string, reason = ""): ConfigError {
  const way = "use workers: 1, or an engine that all of them reach: kind: upstream, or --engine http://HOST:PORT/v1";
  return new ConfigError(`workers: found ${workers}; ${engine} ${reason}: ${way}`);
}
