import type { Item } from "./item.ts";
import { mediaTokens } from "./picture.ts";
import type { GenerationRequest } from "./request.ts";

/**
 * How many tokens something is likely to have, where no tokenizer can be asked. Reservations, counts of input and the
 * ledger all use this one rule, so that they agree about one request.
 */

/** Tokens per UTF-16 unit: common tokenizers take four letters of English, and about 0.7 tokens of a Chinese character. */
const asciiTokens = 0.25;
const otherTokens = 0.7;
/** Tokens that a prompt template adds around each item, and around all of them. */
const itemOverhead = 4;
const promptOverhead = 3;
/** What is reserved for an answer without a limit, and the most that is reserved for one with a large limit. */
const defaultOutput = 1_024;
const maxOutput = 4_096;

/** Tokens of a text; not rounded, so that the pieces of a text sum to the whole. */
export function estimateText(text: string): number {
  let other = 0;
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) other += 1;
  return (text.length - other) * asciiTokens + other * otherTokens;
}

/** Input tokens of a request: its items and tools. */
export function estimateInput(request: GenerationRequest): number {
  let sum = promptOverhead;
  for (const item of request.items) sum += itemOverhead + estimateItem(item);
  for (const tool of request.tools) sum += itemOverhead + estimateText(JSON.stringify(tool));
  return Math.ceil(sum);
}

/** Tokens to reserve for a request, input and output; what was really used replaces them. */
export function estimateTokens(request: GenerationRequest): number {
  return estimateInput(request) + Math.min(request.sampling.maxTokens ?? defaultOutput, maxOutput);
}

/**
 * Most tokens that the input can have: a tokenizer over bytes takes one for each byte of UTF-8 at most. Where money is
 * held back for an answer, no one may choose an input that costs more than its estimate.
 */
export function maxInputTokens(request: GenerationRequest): number {
  let sum = promptOverhead;
  for (const item of request.items) sum += itemOverhead + maxItemTokens(item);
  for (const tool of request.tools) sum += itemOverhead + Buffer.byteLength(JSON.stringify(tool));
  return Math.ceil(sum);
}

function maxItemTokens(item: Item): number {
  if (item.type === "reasoning") return Buffer.byteLength(item.text);
  if (item.type === "call") return Buffer.byteLength(item.name) + Buffer.byteLength(item.args);
  return item.parts.reduce(
    (sum, part) => sum + (part.type === "text" ? Buffer.byteLength(part.text) : mediaTokens(part)),
    0,
  );
}

function estimateItem(item: Item): number {
  if (item.type === "reasoning") return estimateText(item.text);
  if (item.type === "call") return estimateText(item.name) + estimateText(item.args);
  return item.parts.reduce(
    (sum, part) => sum + (part.type === "text" ? estimateText(part.text) : mediaTokens(part)),
    0,
  );
}
