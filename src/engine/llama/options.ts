import type { TimeSlices } from "../../lib/time-slices.ts";
import type { IdSource } from "../../model/id.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Capabilities } from "../engine.ts";
import type { PromptOverrides } from "../template/family.ts";

export interface ModelOptions extends PromptOverrides {
  /** Path of a GGUF file. */
  model: string;
  /** Threads of computation; at most one less than the machine's cores, which is also the default. */
  threads?: number | undefined;
  /** Answers generated at once; default 4. */
  sequences?: number | undefined;
  /** Tokens of one answer's window, input and output; default: the model's own, at most 8,192 and what memory holds. */
  contextSize?: number | undefined;
  /** Use a GPU where the installed binaries support one; default: no. */
  gpu?: boolean | undefined;
}

export interface LlamaEngineOptions extends ModelOptions {
  ids: IdSource;
  /** Where a request gives none; default: what the card of the name says. */
  temperature?: number | undefined;
  /** What tokenising long prompts shares the event loop by. */
  slices?: TimeSlices | undefined;
  /** Gets one line when the model was loaded. */
  log?: Pick<Log, "info"> | undefined;
}

export const defaultSequences = 4;

/** What the engine can do, whatever its model. */
export function embeddedCapabilities(contextWindow: number | undefined): Capabilities {
  return {
    ...(contextWindow === undefined ? {} : { contextWindow }),
    constrained: true,
    image: false,
    video: "none",
  };
}
