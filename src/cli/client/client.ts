import type { JsonObject } from "../../model/json.ts";

/** A served name as clients are configured for it. */
export interface ClientModel {
  name: string;
  /** Tokens, input and output together. */
  contextWindow: number;
  /** Tokens of one answer at most. */
  maxOutput: number;
  image: boolean;
  /** `always`: cannot be turned off. */
  reasoning: "switchable" | "always" | "never";
}

/** What a client has to know of the server. */
export interface ClientServer {
  /** With `/v1` at its end. */
  url: string;
  /** The environment variable that holds the API key. */
  keyVariable: string;
  /** What the client uses unless its user chooses another one. */
  model: ClientModel;
  /** All that it offers, `model` included. */
  models: readonly ClientModel[];
}

/** One file of a client's settings. */
export interface ClientFile {
  /** Below the client's folder. */
  name: string;
  format: "json" | "toml" | "yaml";
  /** What the file has to hold; it wins over what stands there. */
  content: JsonObject;
  /** What it has to hold too, where nothing stands there. */
  defaults?: JsonObject;
  /** The file is ours alone: nothing of what stands there is kept. */
  whole?: boolean;
}

/** A row of the table from which `parley client` and docs/clients.md are made. */
export interface Client {
  /** Its name in the command. */
  name: string;
  title: string;
  /** The versions that this configuration was tried with. */
  tried: string;
  /** What its configuration does and why; whole sentences. */
  about: readonly string[];
  /** Where it keeps its settings; absent for a library, which has only `code`. */
  folder?: {
    /** Below the home folder. */
    path: string;
    /** The client's own environment variable for it. */
    variable?: string;
    /** The part of it below that variable's folder. */
    below?: string;
  };
  files?(server: ClientServer): readonly ClientFile[];
  /** A program instead of settings, in TypeScript. */
  code?(server: ClientServer): string;
  /** Commands that use it once it is set up. */
  commands(server: ClientServer): readonly string[];
}

/** Largest answer that agents plan for: they keep this much of the window free for it. */
const maxAgentOutput = 32_000;

/** Tokens of one answer as an agent should plan them. */
export function agentOutput({ maxOutput, contextWindow }: ClientModel): number {
  return Math.min(maxOutput, maxAgentOutput, Math.floor(contextWindow / 4));
}
