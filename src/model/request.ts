import type { Effort, Family } from "./card.ts";
import type { ParleyError } from "./error.ts";
import type { ResponseId } from "./id.ts";
import type { Item } from "./item.ts";
import type { JsonObject } from "./json.ts";

export interface ToolDefinition {
  name: string;
  description?: string;
  /** A JSON Schema; key order is the caller's and is kept down to the prompt, as the chat templates expect. */
  parameters: JsonObject;
  /** Whether arguments must fit `parameters` exactly (OpenAI's strict mode); absent where the caller did not say. */
  strict?: boolean;
  /** Where `parameters` stand in the caller's body, for messages: `tools[0].function.parameters`. No engine sends it. */
  path?: string;
}

/** The path of a tool's parameters, or a name for them where they stand in no field of this body. */
export function parametersPath({ name, path }: ToolDefinition): string {
  return path ?? `tools: parameters of '${name}'`;
}

/** `required`: some call; `{ name }`: a call of that tool. */
export type ToolChoice = "auto" | "none" | "required" | { name: string };

export type OutputFormat =
  | { type: "text" }
  | { type: "json" }
  | {
      type: "schema";
      name?: string;
      schema: JsonObject;
      strict: boolean;
      /** Where `schema` stands in the caller's body, for messages. */
      path: string;
    };

/** Absent fields are the engine's own choice, except where the model's card gives a default. */
export interface Sampling {
  temperature?: number;
  topP?: number;
  topK?: number;
  seed?: number;
  /** Texts that end the answer; not part of it. */
  stop: readonly string[];
  /** Upper bound on output tokens, reasoning included. */
  maxTokens?: number;
}

/** What is asked of an engine. Immutable once built; steps that change it make a new one. */
export interface GenerationRequest {
  /** The answer's id. */
  id: ResponseId;
  /** Unix seconds. */
  createdAt: number;
  /** The catalog name the caller asked for; the catalog replaces it by the engine's own name. */
  model: string;
  /** The model's family where the catalog knows it and the name does not show it (an alias). */
  family?: Family | undefined;
  items: readonly Item[];
  tools: readonly ToolDefinition[];
  toolChoice: ToolChoice;
  /** Whether one answer may hold several calls. */
  parallelCalls: boolean;
  /** `adaptive`: the model decides; engines without that choice think. */
  reasoning: "on" | "off" | "adaptive";
  /** How hard the model thinks; only of models that have levels. */
  effort?: Effort;
  format: OutputFormat;
  sampling: Sampling;
  /** A hint which replica holds the prompt's prefix. */
  cacheKey?: string;
  tier: "standard" | "priority";
  /**
   * `whole`: no one reads anything of the answer before its end, so that an engine may send all of it at once; `pieces`, and
   * absent: as it comes. Engines may ignore it.
   */
  delivery?: "whole" | "pieces";
  /** Set: what the vendor refuses is refused. */
  strict?: boolean;
  /** Tries whose answers broke off and that no one saw anything of, oldest first; set where the request is sent again. */
  brokenTries?: readonly BrokenTry[];
}

/** A try of a request at one engine whose answer broke off. */
export interface BrokenTry {
  /** The replica by its public name, where the engine has several. */
  replica: string | undefined;
  /** Number of the try, from 1. */
  attempt: number;
  error: ParleyError;
  /** `performance.now()` when the engine was asked: its deadline for the whole answer goes on. */
  askedAt: number;
}
