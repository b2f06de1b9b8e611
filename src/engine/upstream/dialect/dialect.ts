import { isObject, type JsonObject } from "../../../model/json.ts";

export const dialectNames = ["generic", "vllm", "sglang", "llama-server", "ollama", "minimax", "parley"] as const;
export type DialectName = (typeof dialectNames)[number];

/** Members of a message or delta that carry reasoning. */
export type ReasoningField = "reasoning_content" | "reasoning" | "reasoning_details";

export const streamModes = ["follow", "always"] as const;
export type StreamMode = (typeof streamModes)[number];

/** What differs between servers that all call themselves OpenAI-compatible. Facts only; `request.ts` and `decode.ts` act. */
export interface Dialect {
  name: DialectName;
  /** Read in this order; the first that is not empty wins when two hold the same. */
  reasoningFields: readonly ReasoningField[];
  /** Written on assistant messages of the history; all of them, because releases of one server disagree. */
  reasoningHistory: readonly ReasoningField[];
  /**
   * `template`: `chat_template_kwargs`; `object`: the vendor's `thinking: { type }`; `effort`: `reasoning_effort: "none"`
   * to turn it off.
   */
  reasoningSwitch: "template" | "object" | "effort" | "none";
  /** Where the effort stands: `template`: in `chat_template_kwargs`; `field`: `reasoning_effort`; `none`: nowhere. */
  effort: "template" | "field" | "none";
  limit: "max_tokens" | "max_completion_tokens";
  /** Takes `stream_options: { include_usage: true }`. */
  streamUsage: boolean;
  /** `follow`: an answer that no one reads in pieces is asked for without a stream; `always`: every answer is a stream. */
  stream: StreamMode;
  /** `merge`: one system message, first; the model's template drops or refuses others. */
  systems: "merge" | "keep";
  /** Roles it understands beyond system, user, assistant and tool. */
  root: boolean;
  developer: boolean;
  rolePlay: boolean;
  /** Takes `top_k`. */
  topK: boolean;
  /** `narrow`: a named tool choice is not understood; only that tool is sent and `required`. */
  namedChoice: "object" | "narrow";
  /** Takes `strict` in the function of a tool. */
  strictTools: boolean;
  video: "native" | "frames";
  /** Words for a picture's detail: the vendor's, or OpenAI's `auto`. */
  detail: "vendor" | "openai";
  /** How output is held to a schema; `none`: it cannot be. */
  format: "response_format" | "guided_json" | "none";
  /** Asks for reasoning in its own field: `reasoning_split: true`. */
  split: boolean;
  /** Takes `service_tier`. */
  tier: boolean;
  /** Takes `prompt_cache_key`. */
  cacheKey: boolean;
  /** Which endpoint counts tokens. */
  count: "vllm" | "llama-server" | "responses" | "none";
  /** Answers 200 while it can serve; absolute path, or below the base URL when it starts without a slash. */
  health: string;
  /**
   * Sent with raw completions: the template writes special tokens itself, and those the model writes are its markup,
   * which must come back.
   */
  rawFields: JsonObject;
  /** How raw completions are held to a schema. */
  rawFormat: "response_format" | "json_schema" | "json_schema_text" | "none";
  /** Content may carry the model's raw markup, which the repair layer reads. */
  inlineMarkup: boolean;
}

const generic: Dialect = {
  name: "generic",
  reasoningFields: ["reasoning_content", "reasoning", "reasoning_details"],
  reasoningHistory: ["reasoning_content"],
  reasoningSwitch: "none",
  effort: "none",
  limit: "max_tokens",
  streamUsage: true,
  stream: "follow",
  systems: "merge",
  root: false,
  developer: false,
  rolePlay: false,
  topK: false,
  namedChoice: "object",
  strictTools: true,
  video: "frames",
  detail: "openai",
  format: "response_format",
  split: false,
  tier: false,
  cacheKey: false,
  count: "none",
  health: "models",
  rawFields: {},
  rawFormat: "none",
  inlineMarkup: true,
};

const vendor: Dialect = {
  ...generic,
  name: "minimax",
  stream: "always",
  reasoningHistory: ["reasoning_details"],
  reasoningSwitch: "object",
  effort: "field",
  limit: "max_completion_tokens",
  root: true,
  rolePlay: true,
  video: "native",
  detail: "vendor",
  format: "none",
  split: true,
  tier: true,
  count: "responses",
};

/**
 * One row per server. Sources: the vendor's pages (platform.minimax.io/docs/api-reference/text-chat-openai, 2026-08), the
 * chat templates of MiniMaxAI/MiniMax-M2 and MiniMax-M3; vLLM reads and writes `reasoning` (vllm-project/vllm#50594) and
 * older releases `reasoning_content`; llama-server silently turns a named choice into `auto`; Ollama lists its fields at
 * docs.ollama.com/api/openai-compatibility.
 *
 * `stream`, where the parsers of one server differ: vLLM's streams make calls under `tool_choice: "none"` (vllm-project/vllm#42747),
 * SGLang's M2 streams lose calls without arguments and repeat arguments (sgl-project/sglang#35564, #23071), Ollama's streams lose
 * calls (ollama/ollama#12557); their whole answers do not. Against it, vLLM's and SGLang's whole answers may lack text behind a call
 * (vllm-project/vllm#56263, sgl-project/sglang#40739). llama-server has one parser for both, and a stream runs it once for each token.
 * All four report usage in whole answers, and end the work when the connection is closed. The vendor's hosts end a request
 * that was silent for two minutes (MiniMax-AI/MiniMax-M2.7#31): always a stream. Of other servers nothing is known; where
 * a gateway ends a silent request, `server.ts` asks for a stream from then on.
 */
export const dialects: Readonly<Record<DialectName, Dialect>> = {
  generic,
  vllm: {
    ...generic,
    name: "vllm",
    reasoningFields: ["reasoning", "reasoning_content", "reasoning_details"],
    reasoningHistory: ["reasoning", "reasoning_content"],
    reasoningSwitch: "template",
    effort: "template",
    topK: true,
    video: "native",
    count: "vllm",
    health: "/health",
    rawFields: { skip_special_tokens: false, add_special_tokens: false },
    rawFormat: "response_format",
  },
  sglang: {
    ...generic,
    name: "sglang",
    reasoningSwitch: "template",
    effort: "template",
    topK: true,
    video: "native",
    health: "/health",
    rawFields: { skip_special_tokens: false },
    rawFormat: "json_schema_text",
  },
  "llama-server": {
    ...generic,
    name: "llama-server",
    reasoningSwitch: "template",
    effort: "template",
    topK: true,
    namedChoice: "narrow",
    strictTools: false,
    count: "llama-server",
    health: "/health",
    rawFormat: "json_schema",
  },
  ollama: {
    ...generic,
    name: "ollama",
    reasoningFields: ["reasoning", "reasoning_content", "reasoning_details"],
    reasoningHistory: ["reasoning"],
    reasoningSwitch: "effort",
    namedChoice: "narrow",
    strictTools: false,
    health: "/api/version",
  },
  minimax: vendor,
  parley: {
    ...vendor,
    name: "parley",
    stream: "follow",
    reasoningHistory: ["reasoning_content"],
    systems: "keep",
    developer: true,
    topK: true,
    format: "response_format",
    cacheKey: true,
    health: "/healthz",
    // A peer has repaired already; what looks like a tag in its content was meant as text.
    inlineMarkup: false,
  },
};

/** The vendor's own hosts (platform.minimax.io and platform.minimaxi.com, 2026-08). */
const vendorHost = /(^|\.)(minimax\.io|minimaxi\.com|minimax\.cn|minimax\.chat)$/;

/** Asks one path of the server; the parsed JSON of a 200, else `undefined`. */
export type Probe = (path: string) => Promise<unknown>;

/** `owned_by` of the first listed model names the server. */
const owners: Readonly<Record<string, DialectName>> = {
  vllm: "vllm",
  sglang: "sglang",
  llamacpp: "llama-server",
  library: "ollama",
};

/** Paths only one server answers, with a member its answer has. */
const marks: readonly { path: string; member: string; dialect: DialectName }[] = [
  { path: "/props", member: "default_generation_settings", dialect: "llama-server" },
  { path: "/get_model_info", member: "model_path", dialect: "sglang" },
  { path: "/api/version", member: "version", dialect: "ollama" },
  { path: "/version", member: "version", dialect: "vllm" },
];

/** Finds out whose server this is. Only asked with `dialect: auto`; a server that matches no row is `generic`. */
export async function guessDialect(baseUrl: string, probe: Probe): Promise<DialectName> {
  if (vendorHost.test(new URL(baseUrl).hostname)) return "minimax";
  const owner = firstOwner(await probe("models"));
  const known = owners[owner];
  if (known !== undefined) return known;
  // Parley lists its models in the vendor's shape, and this is not the vendor's host.
  if (owner === "minimax") return "parley";
  for (const mark of marks) {
    const answer = await probe(mark.path);
    if (typeof answer === "object" && answer !== null && mark.member in answer) return mark.dialect;
  }
  return "generic";
}

function firstOwner(listing: unknown): string {
  const [first] = listedModels(listing);
  const owner = first?.["owned_by"];
  return typeof owner === "string" ? owner.toLowerCase() : "";
}

/** The rows of a list in OpenAI's form, `{ data: [{ id, owned_by }] }`; what is no object becomes an empty one. */
export function listedModels(listing: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (!isObject(listing) || !Array.isArray(listing["data"])) return [];
  return listing["data"].map((row: unknown) => (isObject(row) ? row : {}));
}
