import { LongText } from "../../lib/long-text.ts";
import { maxPromptChars, overlong } from "../../model/context-bound.ts";
import { isObject } from "../../model/json.ts";
import type { Fields } from "./fields.ts";

/** Parts that are not text: their data stand for few tokens, or are fetched. */
const mediaTypes: ReadonlySet<unknown> = new Set([
  "image",
  "video",
  "image_url",
  "video_url",
  "input_image",
  "input_video",
  "input_audio",
  "audio",
  "file",
  "input_file",
  "document",
]);
/** Fields of one message or item that say the same in several forms. */
const forms: ReadonlySet<string> = new Set([
  "content",
  "encrypted_content",
  "summary",
  "reasoning",
  "reasoning_content",
  "reasoning_details",
  "thinking",
  "signature",
]);
/** Types, roles, names and ids are no text of the prompt. */
const shortChars = 64;
const maxLevels = 256;

/**
 * Throws `context` where the text of these fields cannot fit a window of this many tokens. It is the first look at a body, so
 * that no step after it meets more text than that; what an item really adds is judged when it was read.
 */
export function refuseOverlongBody(body: Fields, keys: readonly string[], windowTokens: number): void {
  let chars = 0;
  for (const key of keys) {
    const value = body.ofAnyLength(key);
    // a message with the type of a picture is still a message
    for (const one of Array.isArray(value) ? value : [value])
      chars += isObject(one) && !(one instanceof LongText) ? objectChars(one) : textChars(one);
  }
  if (chars > maxPromptChars(windowTokens)) throw overlong(chars, windowTokens);
}

/** Deeper values are refused by those who read them. */
function textChars(value: unknown, levels = maxLevels): number {
  if (typeof value === "string" || value instanceof LongText) return Math.max(0, value.length - shortChars);
  if (levels === 0) return 0;
  if (Array.isArray(value)) {
    let chars = 0;
    for (const one of value) chars += textChars(one, levels - 1);
    return chars;
  }
  return isObject(value) && !mediaTypes.has(value["type"]) ? objectChars(value, levels) : 0;
}

function objectChars(value: Record<string, unknown>, levels = maxLevels): number {
  let chars = 0;
  let longest = 0;
  for (const key of Object.keys(value)) {
    const own = textChars(value[key], levels - 1);
    if (forms.has(key)) longest = Math.max(longest, own);
    else chars += own;
  }
  return chars + longest;
}
