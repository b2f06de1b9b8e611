/**
 * What the vendor documents of each model: windows, limits, defaults, modalities and reasoning rules (MiniMax API docs,
 * OpenAI-compatible chat of M3 and of M2.7, create response and models, 2026-08 to 2026-11). Pure data; which engine
 * serves a name is decided by the catalog.
 */

/** How hard a model thinks, where it has levels (MiniMax API docs, text generation, 2026-10). */
export const efforts = ["low", "medium", "high", "xhigh", "max"] as const;
export type Effort = (typeof efforts)[number];

/** Prompt and markup family: how reasoning and tool calls look in the model's own text (its chat template). */
export type Family = "m3" | "m2" | "her";

export interface ModelCard {
  id: string;
  family: Family;
  /** Unix seconds, as `GET /v1/models` shows it. */
  created: number;
  /** Tokens, input and output together. */
  contextWindow: number;
  /** Largest accepted output limit, in tokens. */
  maxOutput: number;
  /** What a request over `maxOutput` meets: an error, or silent truncation (role-play guide of M2-her). */
  overMaxOutput: "reject" | "clamp";
  temperature: { default: number; max: number; zero: boolean };
  topP: { default: number; zero: boolean };
  modalities: readonly ("text" | "image" | "video")[];
  /** `switchable`: may be turned off; `always`: cannot; `never`: has none. */
  reasoning: "switchable" | "always" | "never";
  /** The effort of a request that asks for none; absent: the model has no levels. */
  defaultEffort?: Effort;
  /** Which detail blocks of chat usage this model's wire shows (its raw answers, 2026-06). */
  usageDetail: { cached: "always" | "when-positive"; reasoning: boolean };
  /**
   * How reasoning stands in the content of chat (MiniMax API docs, OpenAI-compatible chat, samples of the models).
   * `lines`: `<think>\n...\n</think>\n`; `spaced`: the same with a blank line after it (M2.7); `tight`:
   * `<think>...</think>\n\n` (M2.5, M2.1).
   */
  reasoningForm: "lines" | "spaced" | "tight";
  /** Whether chat splits reasoning from the content where a request does not say `reasoning_split`; default only for JSON. */
  reasoningSplit?: boolean;
  /** Whether chat bodies carry `service_tier` (M3 only; raw answers, 2026-06). */
  showsTier: boolean;
}

const m3: Omit<ModelCard, "id" | "created"> = {
  family: "m3",
  contextWindow: 1_000_000,
  maxOutput: 524_288,
  overMaxOutput: "reject",
  temperature: { default: 1, max: 2, zero: true },
  topP: { default: 0.95, zero: true },
  modalities: ["text", "image", "video"],
  reasoning: "switchable",
  usageDetail: { cached: "always", reasoning: false },
  reasoningForm: "lines",
  showsTier: true,
};

/** Its text, pictures and windows are M3's; thinking cannot be switched off (MiniMax API docs, text generation, 2026-10). */
const m31: Omit<ModelCard, "id" | "created"> = {
  ...m3,
  reasoning: "always",
  defaultEffort: "max",
  reasoningSplit: true,
  usageDetail: { cached: "always", reasoning: true },
};

const m2: Omit<ModelCard, "id" | "created"> = {
  ...m3,
  family: "m2",
  contextWindow: 204_800,
  maxOutput: 204_800,
  topP: { default: 0.9, zero: true },
  modalities: ["text"],
  reasoning: "always",
  usageDetail: { cached: "when-positive", reasoning: true },
  showsTier: false,
  reasoningForm: "spaced",
};

const plainM2: Omit<ModelCard, "id" | "created"> = {
  ...m2,
  reasoningForm: "tight",
  usageDetail: { cached: "when-positive", reasoning: false },
};

const her: Omit<ModelCard, "id" | "created"> = {
  ...m2,
  family: "her",
  contextWindow: 65_536,
  maxOutput: 2_048,
  overMaxOutput: "clamp",
  temperature: { default: 1, max: 1, zero: false },
  topP: { default: 0.95, zero: false },
  reasoning: "never",
  usageDetail: { cached: "when-positive", reasoning: false },
};

/**
 * The vendor has closed M2.5 and M2.7 (2026-11-18); their weights are open and go on to be served here.
 * Release days from the vendor's model list and announcements (MiniMax API docs, models, 2026-08).
 */
export const documentedCards: readonly ModelCard[] = [
  { id: "MiniMax-M3", created: 1_780_272_000, ...m3 },
  { id: "MiniMax-M3.1-Flash", created: 1_792_368_000, ...m31 },
  { id: "MiniMax-M2.7", created: 1_773_799_200, ...m2 },
  { id: "MiniMax-M2.7-highspeed", created: 1_773_799_200, ...m2 },
  { id: "MiniMax-M2.5", created: 1_770_948_000, ...plainM2 },
  { id: "MiniMax-M2.5-highspeed", created: 1_770_948_000, ...m2 },
  { id: "MiniMax-M2.1", created: 1_766_448_000, ...plainM2 },
  { id: "MiniMax-M2.1-highspeed", created: 1_766_448_000, ...m2 },
  { id: "MiniMax-M2", created: 1_761_523_200, ...m2 },
  { id: "M2-her", created: 1_769_472_000, ...her },
];
