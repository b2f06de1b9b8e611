import type { GenerationRequest } from "../../model/request.ts";
import type { CallMarkup } from "../markup/markup.ts";

type Thinking = GenerationRequest["reasoning"];

/**
 * What has to be known of a family's chat template to feed it and to read what the model answers. Facts of the
 * MiniMax rows: chat_template.jinja of MiniMaxAI/MiniMax-M2 and MiniMax-M3. Whether a prompt ends inside reasoning stands here and is never looked for in
 * the prompt.
 */
export interface PromptFamily {
  /** Tag names of thought in the model's text, without brackets. Empty: the model writes none. */
  thinkTags: readonly string[];
  /** Per thinking mode: the rendered prompt ends inside the thinking tag. */
  opensThought: Readonly<Record<Thinking, boolean>>;
  /** Added to a prompt that opened thought although none is wanted, as the template would write an empty thought. */
  closeThought: string;
  /** How the model writes tool calls. */
  calls: CallMarkup;
  /** System-side roles with a block of their own; the others are merged into one leading `system` message. */
  ownVoices: readonly "root"[];
}

const plain: PromptFamily = {
  thinkTags: ["think"],
  opensThought: { on: false, adaptive: false, off: false },
  closeThought: "\n</think>\n\n",
  calls: "json",
  ownVoices: [],
};

export const promptFamilies = {
  /** M2, M2.1, M2.5, M2.7: the template opens thought always, it knows no switch. */
  m2: { ...plain, opensThought: { on: true, adaptive: true, off: true }, calls: "m2" },
  /** M3: opened only when thinking is on; `adaptive` leaves the choice to the model. */
  m3: {
    ...plain,
    thinkTags: ["mm:think"],
    opensThought: { on: true, adaptive: false, off: false },
    closeThought: "</mm:think>",
    calls: "m3",
    ownVoices: ["root"],
  },
  /** The model that ships with this project (`model/`): M2's form with a switch that closes thought at once. */
  tiny: { ...plain, opensThought: { on: true, adaptive: true, off: false }, calls: "m2" },
  /** Any other chat model: thought, if any, is opened by the model itself. */
  generic: plain,
  /** Models whose template ends in an open `<think>` (R1 distillates, QwQ). */
  opened: { ...plain, opensThought: { on: true, adaptive: true, off: true } },
  /** Models without thought. */
  silent: { ...plain, thinkTags: [] },
} as const satisfies Record<string, PromptFamily>;

export type PromptFamilyName = keyof typeof promptFamilies;

/** What a GGUF says of itself, in order of trust: `general.name`, then `general.architecture`. */
const byMetadata: Readonly<Record<string, PromptFamilyName>> = {
  "tiny-chat": "tiny",
  "minimax-m2": "m2",
  "minimax-m3": "m3",
};

/** The row for a GGUF by its metadata; `generic` where it is none of ours. */
export function familyOf(name: string | undefined, architecture: string | undefined): PromptFamily {
  const known = byMetadata[name ?? ""] ?? byMetadata[architecture ?? ""] ?? "generic";
  return promptFamilies[known];
}

/** A model's own row, where its file says too little. */
export interface PromptOverrides {
  think?: readonly string[] | undefined;
  /** The template ends in an open thinking tag. */
  startsInside?: boolean | undefined;
  calls?: CallMarkup | undefined;
}

export function withOverrides(family: PromptFamily, overrides: PromptOverrides): PromptFamily {
  const { think, startsInside, calls } = overrides;
  const tag = think?.[0];
  return {
    ...family,
    ...(think === undefined ? {} : { thinkTags: think }),
    ...(tag === undefined || family.thinkTags.includes(tag) ? {} : { closeThought: `\n</${tag}>\n\n` }),
    ...(startsInside === undefined
      ? {}
      : { opensThought: { on: startsInside, adaptive: startsInside, off: startsInside } }),
    ...(calls === undefined ? {} : { calls }),
  };
}
