import type { TextCipher } from "../../lib/cipher.ts";
import type { IdSource } from "../../model/id.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import type { References } from "../../model/response.ts";

/** How a tool that the model knows as a function is called back on the wire. */
export type ToolForm =
  | { kind: "function"; name: string; namespace?: string }
  | { kind: "custom"; name: string; namespace?: string }
  | { kind: "local_shell" }
  | { kind: "shell" }
  | { kind: "apply_patch" }
  | { kind: "tool_search" };

/** Keyed by the name the model sees. */
export type ToolForms = ReadonlyMap<string, ToolForm>;

/** What the response body repeats of the request; values as they stand on the wire. */
export interface Echo {
  instructions: string | null;
  previousResponseId: string | null;
  tools: readonly JsonObject[];
  toolChoice: Json;
  parallelToolCalls: boolean;
  truncation: "auto" | "disabled";
  text: JsonObject;
  reasoning: JsonObject;
  temperature: number;
  topP: number;
  maxOutputTokens: number | null;
  maxToolCalls: number | null;
  serviceTier: string;
  metadata: Readonly<Record<string, string>>;
  safetyIdentifier: string | null;
  promptCacheKey: string | null;
  /** Types of what was left out, in order: hosted tools, and input items that mean nothing here. */
  dropped: { tools: readonly string[]; items: readonly string[] };
}

/** What only the answer, the store and the transport care about. */
export interface ResponsesAnswerOptions extends References {
  stream: boolean;
  store: boolean;
  /**
   * The caller did not say whether to store. Clients that know OpenAI's default only, such as the AI SDK, then refer to
   * items of this answer by their ids.
   */
  storeOmitted: boolean;
  background: boolean;
  /**
   * `warm-up`: `generate: false`, nothing is generated. `compaction`: the input holds a `compaction_trigger`, the model
   * summarizes the conversation.
   */
  kind: "generation" | "warm-up" | "compaction";
  /** Whose encrypted texts the answer holds; absent: no one's. */
  owner: string | undefined;
  /** Reasoning items carry `encrypted_content`. */
  encryptReasoning: boolean;
  /** Reasoning items carry their text as `summary`, not as `content`. */
  summarizeReasoning: boolean;
  /** The request's own `tools`. */
  tools: readonly JsonObject[];
  /** Set with the whole conversation at hand. */
  forms: ToolForms;
  /** The deferred tools that the answer says were found, before anything else. Set with `forms`. */
  searched: readonly JsonObject[];
  echo: Echo;
}

/** How the surface behaves on this server. */
export interface ResponsesOptions {
  ids: IdSource;
  /** What M3 does when `reasoning` is omitted: off by the vendor's page of 2026-11, adaptive by an older one in Chinese. */
  defaultReasoning: "off" | "adaptive";
  /** Whether responses are kept when `store` is omitted; the vendor does not. */
  storeDefault: boolean;
  /** Encrypts reasoning and compactions that callers carry. */
  cipher: TextCipher;
  /** Whether a stream ends with `data: [DONE]`: Open Responses wants it, the vendor's wire has none. Default true. */
  sseDone?: boolean;
}
