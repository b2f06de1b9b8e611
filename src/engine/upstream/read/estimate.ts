import { textOf, type Item, type Part } from "../../../model/item.ts";
import { mediaTokens } from "../../../model/picture.ts";
import type { GenerationRequest } from "../../../model/request.ts";

/** Tokens per character: common tokenizers take four characters of English, and about 0.7 tokens of a Chinese sign. */
const latin = 0.25;
const other = 0.7;
/** Tokens around each message that a template adds. */
const perItem = 4;

/** Tokens a text is likely to cost; not rounded, so that pieces can be summed. */
export function weigh(text: string): number {
  let wide = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) wide += 1;
  return (text.length - wide) * latin + wide * other;
}

/** Input tokens of a request, for servers that do not count. */
export function estimateInput(request: GenerationRequest): number {
  let sum = 3;
  for (const item of request.items) sum += perItem + weighItem(item);
  for (const tool of request.tools) sum += perItem + weigh(JSON.stringify(tool));
  return Math.ceil(sum);
}

function weighItem(item: Item): number {
  if (item.type === "reasoning") return weigh(item.text);
  if (item.type === "call") return weigh(item.name) + weigh(item.args);
  return weigh(textOf(item.parts)) + item.parts.reduce((sum, part) => sum + weighMedia(part), 0);
}

function weighMedia(part: Part): number {
  return part.type === "text" ? 0 : mediaTokens(part);
}
