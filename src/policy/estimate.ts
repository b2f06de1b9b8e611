import { textOf, type Item, type Part } from "../model/item.ts";
import { mediaTokens } from "../model/picture.ts";
import type { GenerationRequest } from "../model/request.ts";

/** UTF-16 units of a token, in the mean of English, Chinese and code; a guess that costs nothing. */
const unitsPerToken = 3;
/** What an answer is taken for that names no limit, and the most that is reserved for one that names a large one. */
const usualOutput = 1_024;
const mostOutput = 4_096;

/** Tokens to reserve for a request, input and output; what was really used replaces it. */
export function estimateTokens(request: GenerationRequest): number {
  let units = 0;
  let media = 0;
  for (const item of request.items) {
    units += unitsOf(item);
    for (const part of partsOf(item)) if (part.type !== "text") media += mediaTokens(part);
  }
  for (const tool of request.tools) units += tool.name.length + JSON.stringify(tool.parameters).length;
  const output = Math.min(request.sampling.maxTokens ?? usualOutput, mostOutput);
  return Math.ceil(units / unitsPerToken) + media + output;
}

/** Tokens of a text, where nobody can count them. */
export function estimateText(text: string): number {
  return Math.ceil(text.length / unitsPerToken);
}

function unitsOf(item: Item): number {
  switch (item.type) {
    case "message":
    case "result":
      return textOf(item.parts).length;
    case "reasoning":
      return item.text.length;
    case "call":
      return item.name.length + item.args.length;
  }
}

function partsOf(item: Item): readonly Part[] {
  return item.type === "message" || item.type === "result" ? item.parts : [];
}
