import { createHash } from "node:crypto";
import { configuredEngines, embeddedOptions, type EmbeddedConfig } from "./app-embedded.ts";
import { ConfigError } from "./config/load.ts";
import type { Config, EngineConfig } from "./config/schema.ts";
import type { CatalogOptions } from "./engine/catalog.ts";
import type { Engine } from "./engine/engine.ts";
import { llamaEngine } from "./engine/llama/engine.ts";
import { processEngine, sharedEngine } from "./engine/process/engine.ts";
import { socketPath } from "./engine/process/shared.ts";
import { replayEngine } from "./engine/replay/engine.ts";
import { ScriptError } from "./engine/script/script.ts";
import { simEngine } from "./engine/sim/engine.ts";
import type { SimSettings } from "./engine/sim/settings.ts";
import { upstreamEngine } from "./engine/upstream/engine.ts";
import { managedLlamaServer } from "./engine/upstream/managed.ts";
import { missingPackage } from "./lib/optional-package.ts";
import { Secret } from "./lib/secret.ts";
import type { TimeSlices } from "./lib/time-slices.ts";
import type { IdSource } from "./model/id.ts";
import type { Log } from "./telemetry/log.ts";

/** What every engine is given. */
export interface EngineContext {
  ids: IdSource;
  log: Log;
  slices: TimeSlices;
  /** Of the sockets of embedded engines that another process owns (`SharedEngines`); absent: this process has its own. */
  engineFolder?: string | undefined;
  /** Called with the replica that was chosen for a try of a request, and why. */
  onReplicaChosen: (choice: { replica: string; reason: string }) => void;
  /** Called when a replica goes down, with the reason, and when it is up again. */
  onReplicaHealth?: ((health: { replica: string; up: boolean; reason?: string | undefined }) => void) | undefined;
  /** Called when a rule changed what an upstream sent. */
  onRepair: (rule: string) => void;
}

/** The engines of a configuration; those whose settings stay the same from one to the next stay themselves. */
export class EngineSet {
  private readonly context: EngineContext;
  private known = new Map<string, { settings: string; engine: Engine }>();

  constructor(context: EngineContext) {
    this.context = context;
  }

  of(config: Config): ReadonlyMap<string, Engine> {
    const next = this.prepare(config);
    next.adopt();
    return next.engines;
  }

  /** The same, to be decided on later: `adopt` makes them the known ones, `discard` closes those that are new. */
  prepare(config: Config): { engines: ReadonlyMap<string, Engine>; adopt(): void; discard(): Promise<void> } {
    const before = this.known;
    const known = new Map(
      configuredEngines(config).map(([name, engine]) => {
        const settings = fingerprint(engine);
        const same = before.get(name);
        return [name, same?.settings === settings ? same : { settings, engine: openEngine(engine, this.context) }];
      }),
    );
    return {
      engines: new Map([...known].map(([name, { engine }]) => [name, engine])),
      adopt: () => void (this.known = known),
      discard: async () => {
        const added = [...known].filter(([name, one]) => before.get(name) !== one);
        await Promise.all(added.map(([, { engine }]) => engine.close()));
      },
    };
  }
}

/** Throws `ConfigError` where the engine cannot be made. */
function openEngine(engine: EngineConfig, context: EngineContext): Engine {
  const { ids, log, slices, onRepair, onReplicaChosen, onReplicaHealth: onHealth } = context;
  switch (engine.kind) {
    case "llama": {
      const missing = missingPackage("node-llama-cpp");
      if (missing !== undefined)
        throw new ConfigError(
          `${missing}; or start with another engine: --engine sim, or --engine http://HOST:PORT/v1`,
        );
      return openEmbedded(engine, context);
    }
    case "sim":
      return openSim(engine, slices);
    case "replay":
      return replayEngine({ ...engine, engine: openEngine(engine.engine, context) });
    case "upstream": {
      const { kind: _kind, ...rest } = engine;
      const replicas = { ...rest.replicas, onReplicaChosen, onHealth, log };
      return upstreamEngine({ ...rest, replicas, ids, log, slices, onRepair });
    }
    case "llama-server": {
      const { kind: _kind, model: gguf, ...rest } = engine;
      return managedLlamaServer({ ...rest, gguf, ids, log, slices, onRepair });
    }
  }
}

function openEmbedded(engine: EmbeddedConfig, { ids, log, slices, engineFolder }: EngineContext): Engine {
  const options = embeddedOptions(engine);
  // its owner writes the lines of its log
  if (engineFolder !== undefined) return sharedEngine(options, socketPath(engineFolder, options), { slices });
  const { ownProcess = engine.model !== "builtin" } = engine;
  return ownProcess ? processEngine(options, { log, slices }) : llamaEngine({ ...options, ids, log, slices });
}

/** Throws `ConfigError` for a script file that cannot be used. */
function openSim(engine: SimSettings, slices: TimeSlices): Engine {
  try {
    return simEngine({ ...engine, slices });
  } catch (error) {
    if (error instanceof ScriptError) throw new ConfigError(`script: ${error.message}`);
    throw error;
  }
}

/** A text that is the same for the same settings, secrets included. */
export function fingerprint(settings: unknown): string {
  return JSON.stringify(settings, function (this: Record<string, unknown>, key: string, value: unknown) {
    const original = this[key];
    return original instanceof Secret ? createHash("sha256").update(original.reveal()).digest("hex") : value;
  });
}

/** Which names are offered. */
export function catalogNames(config: Config): Pick<CatalogOptions, "entries" | "unlisted"> {
  const entries = Object.entries(config.models).map(([name, { engine, ...rest }]) => ({
    name,
    engines: engine === undefined ? [] : typeof engine === "string" ? [engine] : engine,
    ...rest,
  }));
  return { entries, unlisted: config.unlistedModels || entries.length === 0 };
}
