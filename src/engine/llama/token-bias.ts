import type { Token, TokenBias } from "node-llama-cpp";
import type { GenerationRequest } from "../../model/request.ts";
import { callForms } from "./call-grammar.ts";
import { JsonRepeat } from "./json-repeat.ts";
import type { Ending } from "./json-repeat.ts";
import type { LoadedModel } from "./model.ts";

/** Outweighs every other token; what a grammar excludes stays excluded. */
const soon = { logit: 1000 };

/** What of the vocabulary is held back or preferred while one answer is written. */
export interface AnswerBias {
  /** As the library asks for it, before each token; absent where nothing is held back. */
  tokenBias?: () => TokenBias;
  /** Reads the JSON that is written; absent where the answer is free. */
  repeat?: JsonRepeat;
}

/**
 * Where no tools are offered, a small model never writes the tokens that open and close calls: nothing there would read them
 * as calls, and their text would stand in the answer. Inside an answer in a JSON format no tags of reasoning are written either,
 * and repetitions end. Spelled in other tokens, as when a caller's text is quoted, all tags may be written.
 */
export function answerBias(loaded: LoadedModel, request: GenerationRequest): AnswerBias {
  const { library, model, family } = loaded;
  const { calls, callsOnlyWithTools, repeatBounds, thinkTags } = family;
  const noCalls = callsOnlyWithTools === true && request.tools.length === 0;
  const held = noCalls ? tokensOf(loaded, callForms[calls]?.tags ?? []) : [];
  const repeat = request.format.type === "text" ? undefined : new JsonRepeat(repeatBounds);
  if (held.length === 0 && repeat === undefined) return {};
  const biasFor = (never: readonly Token[], ending?: Ending): TokenBias => {
    const bias = new library.TokenBias(model.tokenizer).set(Array.from(never), "never");
    return ending === undefined ? bias : bias.set(ending, soon);
  };
  const outside = biasFor(held);
  if (repeat === undefined) return { tokenBias: () => outside };
  const tags = thinkTags.flatMap((tag) => [`<${tag}>`, `</${tag}>`]);
  const heldInside = [...held, ...tokensOf(loaded, tags)];
  /** One for each state inside JSON; a bias asks the library about every token it holds. */
  const made = new Map<string, TokenBias>();
  const inside = ({ full, ending }: JsonRepeat): TokenBias => {
    const state = `${full} ${ending ?? ""}`;
    const bias = made.get(state) ?? biasFor(full ? [...heldInside, ...loaded.memberEnds] : heldInside, ending);
    made.set(state, bias);
    return bias;
  };
  return { tokenBias: () => (repeat.inside ? inside(repeat) : outside), repeat };
}

/** Those of the tags that are one token of the vocabulary. */
function tokensOf({ model }: LoadedModel, tags: readonly string[]): Token[] {
  return tags.map((tag) => model.tokenize(tag, true)).flatMap((tokens) => (tokens.length === 1 ? tokens : []));
}
