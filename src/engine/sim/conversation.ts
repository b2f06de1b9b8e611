import { type ImagePart, type Item, type MessageItem, type Part, type VideoPart } from "../../model/item.ts";
import type { GenerationRequest } from "../../model/request.ts";

/** What the simulator and its scripts read from a request. */
export interface Conversation {
  /** Text of the last user message; `""` where there is none. */
  userText: string;
  /** Text of all root, system and developer messages, one after another. */
  systemText: string;
  /** Texts of the tool results that came after it. */
  results: readonly string[];
  /** Calls that were made after it. */
  callsMade: number;
  /** The last item, but for instructions, is a tool's result: an answer is due. */
  afterResult: boolean;
  /** The number of this answer in the conversation: 1 where the assistant has not spoken or called yet. */
  turn: number;
  /** All images and videos, in order. */
  media: readonly (ImagePart | VideoPart)[];
}

/**
 * Characters that are read of a text in several parts, half of them at its beginning and half at its end: joined, tens of
 * megabytes would be copied at once. No real window holds more.
 */
const maxJoinedChars = 4 * 1024 * 1024;

export function readConversation({ items }: GenerationRequest): Conversation {
  const last = items.findLastIndex((item) => item.type === "message" && item.role === "user");
  const asked = items[last];
  const since = items.slice(last + 1);
  return {
    userText: asked?.type === "message" ? joined(asked.parts.map(textIn)) : "",
    systemText: joined(
      items.flatMap((item) => (isInstruction(item) ? [joined(item.parts.map(textIn))] : [])),
      "\n",
    ),
    results: since.flatMap((item) => (item.type === "result" ? [joined(item.parts.map(textIn))] : [])),
    callsMade: since.filter((item) => item.type === "call").length,
    afterResult: items.findLast((item) => !isInstruction(item))?.type === "result",
    turn: 1 + items.filter((item, index) => isAnswer(item) && !isAnswer(items[index - 1])).length,
    media: items.flatMap(mediaOf),
  };
}

function textIn(part: Part): string {
  return part.type === "text" ? part.text : "";
}

/** One text as it is, however long. */
function joined(texts: readonly string[], between = ""): string {
  const chars = texts.reduce((sum, text) => sum + text.length, 0);
  if (texts.length < 2 || chars <= maxJoinedChars) return texts.join(between);
  const half = maxJoinedChars / 2;
  const [first, last]: [string[], string[]] = [[], []];
  for (let at = 0, left = half; left > 0; left -= texts[at]?.length ?? left, at += 1) {
    first.push(texts[at]?.slice(0, left) ?? "");
  }
  for (let at = texts.length - 1, left = half; left > 0; left -= texts[at]?.length ?? left, at -= 1) {
    last.unshift(texts[at]?.slice(-left) ?? "");
  }
  return [...first, ...last].join(between);
}

function isInstruction(item: Item): item is MessageItem {
  return item.type === "message" && ["root", "system", "developer"].includes(item.role);
}

/** A message, its reasoning and its calls stand side by side in the list: one answer. */
function isAnswer(item: Item | undefined): boolean {
  if (item === undefined) return false;
  return item.type === "call" || item.type === "reasoning" || (item.type === "message" && item.role === "assistant");
}

function mediaOf(item: Item): (ImagePart | VideoPart)[] {
  const parts: readonly Part[] = item.type === "message" || item.type === "result" ? item.parts : [];
  return parts.filter((part) => part.type !== "text");
}
