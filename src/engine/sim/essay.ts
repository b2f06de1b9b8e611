import type { Talk } from "./talk.ts";
import { fill, type Wording } from "./wording.ts";

/** What running text is made of: the request it speaks about and the wordings it takes. */
export interface EssayInput {
  talk: Talk;
  wording: Wording;
  /** Which of several wordings comes first. */
  variant: number;
}

/** The most that a request may ask for: words in English, characters in Chinese. */
const mostWords = 100_000;
/** Longest quotation of the request, in code points. */
const topicLength = 60;

/** The start of the request, on one line. */
export function topicOf(talk: Talk): string {
  const line = talk.asked.slice(0, 500).replace(/\s+/g, " ").trim();
  const points = Array.from(line);
  return points.length > topicLength ? `${points.slice(0, topicLength).join("")}…` : line;
}

/** The length the request asks for: "a 500 word essay", "约500字". */
export function askedLength(asked: string): number | undefined {
  const found = /(\d{2,6})(?:[\s-]*|\s*个?)(?:words?\b|字)/i.exec(asked.slice(0, 4_000))?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Sentences about the request, at least so many words (characters in Chinese). */
export function writeEssay({ talk, wording, variant }: EssayInput, wanted: number): string {
  const opening = wording.opening[variant % wording.opening.length] ?? "";
  const sentences = [fill(opening, { topic: topicOf(talk) })];
  const size = (text: string): number => (wording.separator === "" ? text.length : text.split(" ").length);
  const emoji = emojiOf(talk.asked);
  let length = size(sentences[0] ?? "");
  for (let at = variant; length < Math.min(wanted, mostWords); at += 1) {
    const sentence = (wording.body[at % wording.body.length] ?? "") + emoji;
    sentences.push(sentence);
    length += size(sentence);
  }
  return sentences.join(wording.separator);
}

/** A request full of emoji, or one that asks for them, gets some in every sentence. */
function emojiOf(asked: string): string {
  const start = asked.slice(0, 1_000);
  const found = start.match(/\p{RGI_Emoji}/gv) ?? [];
  if (found.length > 0) return ` ${found.slice(0, 5).join("")}`;
  return /emoji|表情/i.test(start) ? " 😀🎉👩‍👩‍👧‍👦🇨🇳👍🏽" : "";
}
