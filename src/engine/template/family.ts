import type { GenerationRequest } from "../../model/request.ts";
import type { CallMarkup } from "../markup/markup.ts";

type ReasoningMode = GenerationRequest["reasoning"];

/**
 * What has to be known of a family's chat template to feed it and to read what the model answers. Facts of the
 * MiniMax rows: chat_template.jinja of MiniMaxAI/MiniMax-M2 and MiniMax-M3. Whether a prompt ends inside reasoning stands here and is never looked for in
 * the prompt.
 */
export interface PromptFamily {
  /** Tag names of reasoning in the model's text, without brackets, its own first. Empty: the model writes none. */
  thinkTags: readonly string[];
  /** Per reasoning mode: the rendered prompt ends inside the thinking tag. */
  opensReasoning: Readonly<Record<ReasoningMode, boolean>>;
  /** Added to a prompt that opened reasoning although none is wanted, as the template would write empty reasoning. */
  closeReasoning: string;
  /** How the model writes tool calls. */
  calls: CallMarkup;
  /** So small a model that it begins calls where it is offered no tools: it must not. */
  callsOnlyWithTools?: boolean;
  /** From where on a repetition in a JSON string is ended; absent: as of any model. */
  repeatBounds?: { times: number; chars: number };
  /** System-side roles with a block of their own; the others are merged into one leading `system` message. */
  ownRoles: readonly "root"[];
}

const plain: PromptFamily = {
  thinkTags: ["think"],
  opensReasoning: { on: false, adaptive: false, off: false },
  closeReasoning: "\n</think>\n\n",
  calls: "json",
  ownRoles: [],
};

export const promptFamilies = {
  /** M2, M2.1, M2.5, M2.7: the template always opens reasoning; it has no switch. */
  m2: {
    ...plain,
    thinkTags: ["think", "mm:think", "thinking"],
    opensReasoning: { on: true, adaptive: true, off: true },
    calls: "m2",
  },
  /** M3: opened only when reasoning is on; `adaptive` leaves the choice to the model. */
  m3: {
    ...plain,
    thinkTags: ["mm:think", "think", "thinking"],
    opensReasoning: { on: true, adaptive: false, off: false },
    closeReasoning: "</mm:think>",
    calls: "m3",
    ownRoles: ["root"],
  },
  /** The model that ships with this project (`model/`): M2's form with a switch that closes reasoning at once. */
  tiny: {
    ...plain,
    opensReasoning: { on: true, adaptive: true, off: false },
    calls: "m2",
    callsOnlyWithTools: true,
    // what it repeats it does not leave again
    repeatBounds: { times: 4, chars: 48 },
  },
  /** Any other chat model: reasoning, if any, is opened by the model itself. */
  generic: plain,
  /** Models whose template ends in an open `<think>` (R1 distillates, QwQ). */
  opened: { ...plain, opensReasoning: { on: true, adaptive: true, off: true } },
  /** Models without reasoning. */
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
    ...(tag === undefined || tag === family.thinkTags[0] ? {} : { closeReasoning: `\n</${tag}>\n\n` }),
    ...(startsInside === undefined
      ? {}
      : { opensReasoning: { on: startsInside, adaptive: startsInside, off: startsInside } }),
    ...(calls === undefined ? {} : { calls }),
  };
}
