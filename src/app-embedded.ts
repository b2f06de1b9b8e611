import { fileURLToPath } from "node:url";
import { ConfigError } from "./config/load.ts";
import type { Config, EngineConfig } from "./config/schema.ts";
import type { ProcessJob } from "./engine/process/link.ts";
import { SharedEngines } from "./engine/process/shared.ts";
import type { Log } from "./telemetry/log.ts";

const builtinModel = {
  model: fileURLToPath(new URL("../model/tiny-chat.gguf", import.meta.url)),
  // at 1 so small a model drifts from what it was taught (model/README.md)
  temperature: 0.3,
};

export type EmbeddedConfig = Extract<EngineConfig, { kind: "llama" }>;
/** Without any configured engine the built-in tiny model answers. */
const builtinEngine: EmbeddedConfig = { kind: "llama", model: "builtin", sequences: 4, gpu: false };

export function configuredEngines({ engines }: Config): [string, EngineConfig][] {
  const configured = Object.entries(engines);
  return configured.length === 0 ? [["embedded", builtinEngine]] : configured;
}

/** What an embedded engine is made with. */
export function embeddedOptions({
  kind: _kind,
  ownProcess: _own,
  model,
  ...rest
}: EmbeddedConfig): ProcessJob["engine"] {
  return { ...rest, ...(model === "builtin" ? builtinModel : { model }) };
}

/** What the embedded engines of a configuration are made with. */
export function embeddedEngines(config: Config): ProcessJob["engine"][] {
  return configuredEngines(config)
    .map(([, engine]) => (engine.kind === "replay" ? engine.engine : engine))
    .filter((engine) => engine.kind === "llama")
    .map(embeddedOptions);
}

/**
 * Each model is loaded once, in a process that this one owns, for all servers of this machine that are given its folder. Throws
 * `ConfigError` where that folder cannot be made.
 */
export async function openSharedEngines(log: Log): Promise<SharedEngines> {
  try {
    return await SharedEngines.open(log);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ConfigError(`${reason}; set TMPDIR to a folder with a short path that can be written`);
  }
}
