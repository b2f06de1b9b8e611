import type { Family, ModelCard } from "../model/card.ts";
import type { Batch } from "../model/event.ts";
import type { GenerationRequest } from "../model/request.ts";

/** What an engine can do, so that a request it cannot serve is refused clearly before any work. */
export interface Capabilities {
  /** Tokens, input and output together; absent where only the engine knows. */
  contextWindow?: number;
  /** Decoding can be held to a JSON Schema. */
  constrained: boolean;
  image: boolean;
  /** `frames`: the engine takes a video as pictures with timestamps. */
  video: "native" | "frames" | "none";
}

/** What an engine says of itself right now. */
export interface Load {
  /** Requests being generated. */
  running: number;
  /** Requests waiting for a slot. */
  waiting: number;
  /** Requests it can run at once; `Infinity` where unknown. */
  slots: number;
}

/** A model as an engine knows it. */
export interface ServedModel {
  model: string;
  /** What its name tells of its family. */
  family?: Family | undefined;
}

/** One server of an engine that has one or several. */
export interface EngineMember {
  name: string;
  up: boolean;
  running: number;
  /** Why it is not up. */
  reason?: string | undefined;
}

/**
 * The one port to anything that generates. Before the first batch `generate` may throw (a status can still be answered,
 * the next replica tried); after it, failure is a `finish` event with an error. Every stream keeps the grammar of
 * `model/event.ts`. Aborting the signal ends the stream promptly and frees whatever it held.
 */
export interface Engine {
  readonly kind: string;
  readonly capabilities: Capabilities;
  /** Base URL of the one server it asks; absent where it runs here, or has several. */
  readonly address?: string | undefined;
  /** What suits its model where a request gives none; absent where the card of the name says it. */
  readonly temperature?: number | undefined;
  generate(request: GenerationRequest, signal: AbortSignal): AsyncIterable<Batch>;
  /** Input tokens of the request. `exact` is false where it is an estimate. */
  count(request: GenerationRequest, signal: AbortSignal): Promise<{ tokens: number; exact: boolean }>;
  load(): Load;
  /**
   * The engine's own model for a name that the configuration does not give a name of the engine's for; absent where the
   * name is used as it is. Never rejects.
   */
  resolve?(model: string): Promise<ServedModel>;
  /** The engine's own model names, as far as they are known. */
  readonly models?: readonly string[] | undefined;
  /** What an engine of several replicas knows of each; `up` is false while its circuit is not closed. */
  members?(): readonly EngineMember[];
  /** The requests it was given, oldest first, where an engine keeps them for tests. */
  readonly requests?: readonly GenerationRequest[];
  /** Makes ready what the first request would otherwise wait for, such as a model in memory. */
  open?(): Promise<void>;
  close(): Promise<void>;
}

/** Where a request goes: an engine and the name it knows the model by. */
export interface Target {
  engine: Engine;
  engineName: string;
  /** The engine's own model name, or, where `named` is false, the catalog's. */
  model: string;
  /** Whether the configuration gives the engine's own name; else the engine resolves the catalog's. */
  named: boolean;
  /** The model's family where the catalog knows it better than that name tells. */
  family?: Family | undefined;
}

/** The catalog as the service sees it. */
export interface Catalog {
  /** The card of a name or alias, id included as the caller asked; throws `invalid` with `unknown model 'x'`. */
  card(name: string): ModelCard;
  /** Every served name, in catalog order. */
  list(): readonly ModelCard[];
  /** Where a name's requests go, in the order to be tried; throws like `card`. */
  targets(name: string): readonly Target[];
  /** Every engine by its configured name. */
  engines(): ReadonlyMap<string, Engine>;
  close(): Promise<void>;
}
