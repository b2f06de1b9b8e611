import { fileURLToPath } from "node:url";
import { llamaEngine, type LlamaEngine } from "../../../src/engine/llama/engine.ts";
import type { LlamaEngineOptions } from "../../../src/engine/llama/options.ts";
import { systemIds } from "../../../src/model/id.ts";
import type { OutputFormat } from "../../../src/model/request.ts";

/** The model that ships; tests lean on what it must do by its card, never on its exact words. */
export const tinyModel = fileURLToPath(new URL("../../../model/tiny-chat.gguf", import.meta.url));

/** A format that keeps any model writing: whatever it says, it says at least this many characters. */
export const longFormat: OutputFormat = {
  type: "schema",
  schema: { type: "string", minLength: 900, maxLength: 900 },
  strict: true,
  path: "schema",
};

export function tinyEngine(options: Partial<LlamaEngineOptions> = {}): LlamaEngine {
  return llamaEngine({ model: tinyModel, ids: systemIds, ...options });
}
