import { ParleyError } from "./error.ts";
import type { Item } from "./item.ts";
import { isObject } from "./json.ts";
import type { GenerationRequest } from "./request.ts";

/**
 * What no context window of this many tokens can hold, whatever the tokenizer: found by lengths alone, so that a prompt of
 * megabytes is refused before anybody reads its text.
 */

/**
 * Characters that a token of a prompt stands for at most, on average over the whole. English has 4, deeply indented source code
 * 6, Chinese 2; single tokens have more, whole prompts do not.
 */
const charsPerToken = 8;
/** Tokens that an item takes at least, even an empty one: what a template writes around it. */
const tokensPerItem = 2;

/** Characters that a prompt for this window has at most. */
export function maxPromptChars(windowTokens: number): number {
  return windowTokens * charsPerToken;
}

/** Throws `context` where the request cannot fit a window of this many tokens. Reads no text, only how long it is. */
export function refuseOverlong(request: GenerationRequest, windowTokens: number): void {
  const most = maxPromptChars(windowTokens);
  let chars = itemsChars(request.items);
  for (const tool of request.tools) {
    chars += tool.description?.length ?? 0;
    // no template shows tools that may not be called
    if (request.toolChoice !== "none") chars += charsOf(tool.parameters, most - chars);
  }
  const least = chars / charsPerToken + request.items.length * tokensPerItem;
  if (least > windowTokens) throw overlong(chars, windowTokens);
}

/** Characters of the names and texts in a JSON value, at least; not counted further when there are more than `most`. */
function charsOf(value: unknown, most: number): number {
  if (typeof value === "string") return value.length;
  let chars = 0;
  if (Array.isArray(value)) {
    for (const one of value as readonly unknown[]) {
      if (chars > most) break;
      chars += charsOf(one, most - chars);
    }
  } else if (isObject(value)) {
    for (const name in value) {
      if (chars > most) break;
      chars += name.length + charsOf(value[name], most - chars);
    }
  }
  return chars;
}

/** How large a prompt is and what it should fit, as far as that is known. */
export interface PromptSize {
  tokens?: number | undefined;
  /** The tokens are estimated. */
  isEstimate?: boolean;
  /** Characters, where tokens were not counted. */
  chars?: number;
  windowTokens?: number | undefined;
}

/**
 * The error of a prompt that does not fit its window; it says the sizes to callers and in the log. `message` and `cause`: what
 * an engine sent, which is not shown.
 */
export function contextError(
  size: PromptSize,
  { message, cause }: { message?: string; cause?: unknown } = {},
): ParleyError {
  const words = sizeWords(size);
  const detail = { ...(words === "" ? {} : { reason: words }), ...(cause === undefined ? {} : { cause }) };
  return new ParleyError("context", message ?? words, detail);
}

function sizeWords({ tokens, isEstimate, chars, windowTokens }: PromptSize): string {
  const about = isEstimate === true ? "about " : "";
  const prompt =
    tokens !== undefined
      ? `the prompt has ${about}${tokens} tokens`
      : chars !== undefined
        ? `the prompt has ${chars} characters`
        : "";
  const window = windowTokens === undefined ? "" : `the window has ${windowTokens} tokens`;
  return [prompt, window].filter((text) => text !== "").join(", ");
}

/** The error of a prompt that has too many characters. */
export function overlong(chars: number, windowTokens: number): ParleyError {
  return contextError({ chars, windowTokens });
}

/** Characters of the text in items. */
export function itemsChars(items: readonly Item[]): number {
  let chars = 0;
  for (const item of items) chars += itemChars(item);
  return chars;
}

function itemChars(item: Item): number {
  if (item.type === "reasoning") return item.text.length;
  if (item.type === "call") return item.args.length;
  let chars = 0;
  for (const part of item.parts) if (part.type === "text") chars += part.text.length;
  return chars;
}
