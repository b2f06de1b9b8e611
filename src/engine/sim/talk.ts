import { type ImagePart, type Item, type MessageItem, type Part, textOf, type VideoPart } from "../../model/item.ts";
import type { GenerationRequest } from "../../model/request.ts";

/** A request as the rules read it: who said what, and what is still open. */
export interface Talk {
  request: GenerationRequest;
  /** Text of the last user message, without the notes that agents put into it. */
  asked: string;
  /** Texts of all user messages, oldest first; the last one is `asked`. */
  said: readonly string[];
  /** Texts of all assistant messages, oldest first. */
  answered: readonly string[];
  /** Texts of standing instructions, the weightiest first: root, then system and developer. */
  instructions: readonly string[];
  /** Texts of the results that came after the last user message. */
  results: readonly string[];
  /** Texts of the results that came before it. */
  earlierResults: readonly string[];
  /** Calls made since the last user message. */
  callsMade: number;
  /** Images and videos of the last user message and of what came after it. */
  media: readonly (ImagePart | VideoPart)[];
  /** Those that came before it, where it speaks of such things: "Are you sure about that color?" */
  earlierMedia: readonly (ImagePart | VideoPart)[];
  /** The last item is a tool's result. */
  afterResult: boolean;
  chinese: boolean;
}

/** Roles that give standing instructions, the weightiest first. */
const instructing: readonly (readonly MessageItem["role"][])[] = [["root"], ["system", "developer"]];

export function readTalk(request: GenerationRequest): Talk {
  const { items } = request;
  const last = items.findLastIndex((item) => item.type === "message" && item.role === "user");
  const since = items.slice(Math.max(last, 0));
  const said = textsOf(items, ["user"]).map(withoutNotes);
  const asked = said.at(-1) ?? "";
  return {
    request,
    asked,
    said,
    answered: textsOf(items, ["assistant"]),
    instructions: instructing.flatMap((roles) => textsOf(items, roles)),
    results: resultsOf(since),
    earlierResults: resultsOf(items.slice(0, Math.max(last, 0))),
    callsMade: since.filter((item) => item.type === "call").length,
    media: since.flatMap(mediaOf),
    earlierMedia: speaksOfMedia.test(asked.slice(0, 500)) ? items.slice(0, Math.max(last, 0)).flatMap(mediaOf) : [],
    afterResult: items.at(-1)?.type === "result",
    chinese: isChinese(asked),
  };
}

function textsOf(items: readonly Item[], wanted: readonly string[]): string[] {
  return items.flatMap((item) => (item.type === "message" && wanted.includes(item.role) ? [textOf(item.parts)] : []));
}

const noteStart = "<system-reminder>";
const noteEnd = "</system-reminder>";

/** What the user wrote: agents add notes of their own. A message that is nothing but notes is kept. */
function withoutNotes(text: string): string {
  let own = "";
  let at = 0;
  for (let start = text.indexOf(noteStart); start >= 0; start = text.indexOf(noteStart, at)) {
    const end = text.indexOf(noteEnd, start);
    if (end < 0) break;
    own += text.slice(at, start);
    at = end + noteEnd.length;
  }
  if (at === 0) return text;
  own += text.slice(at);
  return own.trim() === "" ? text : own.trim();
}

function resultsOf(items: readonly Item[]): string[] {
  return items.flatMap((item) => (item.type === "result" ? [textOf(item.parts)] : []));
}

const speaksOfMedia = /\b(?:images?|pictures?|photos?|videos?|clips?|colou?rs?)\b|图[片像中里]|张图|照片|视频|颜色/i;

function mediaOf(item: Item): (ImagePart | VideoPart)[] {
  const parts: readonly Part[] = item.type === "message" || item.type === "result" ? item.parts : [];
  return parts.filter((part) => part.type !== "text");
}

/** Whether Han characters carry the text: one says about as much as two Latin letters. Reads the first 4,000 units. */
export function isChinese(text: string): boolean {
  const start = text.slice(0, 4_000);
  const han = start.match(/\p{Script=Han}/gu)?.length ?? 0;
  const latin = start.match(/[A-Za-z]/g)?.length ?? 0;
  return han > 0 && han * 2 >= latin;
}
