import { isObject, type Json, parseJson } from "../../model/json.ts";
import type { GenerationRequest } from "../../model/request.ts";
import { evaluate, findExpression } from "./arithmetic.ts";
import { type PlannedCall, planCalls } from "./calls.ts";
import { Clues, quotedTexts } from "./clues.ts";
import { wantedEcho } from "./echo.ts";
import { describeMedia } from "./media.ts";
import { introducedName, recall } from "./memory.ts";
import { sampleValue } from "./schema-value.ts";
import { readStanding, type Standing } from "./standing.ts";
import { readTalk, type Talk } from "./talk.ts";
import { chinese, english, fill, type Wording } from "./wording.ts";

/** A whole answer before it is cut into tokens. `""` and `[]`: nothing of that kind. */
export interface Reply {
  thought: string;
  text: string;
  calls: readonly PlannedCall[];
}

/** What the rules read from a request, gathered once. */
interface Reading {
  talk: Talk;
  standing: Standing;
  wording: Wording;
  echo: string | undefined;
  /** Which of several wordings to take. */
  variant: number;
}

/** The answer to a request. Equal requests get equal answers; only a seed with a temperature above 0 varies the words. */
export function planReply(request: GenerationRequest): Reply {
  const talk = readTalk(request);
  const standing = readStanding(talk);
  const echo = wantedEcho(talk.asked);
  const speaksChinese = standing.language === undefined ? talk.chinese : standing.language === "chinese";
  const wording = speaksChinese ? chinese : english;
  const reading: Reading = { talk, standing, wording, echo, variant: variantOf(request) };
  const calls = planCalls(talk, standing.fixed !== undefined || echo !== undefined || needsNoTool(talk.asked));
  return {
    thought: request.thinking === "off" ? "" : thoughtOf(reading, calls),
    text: calls.length > 0 ? "" : answerOf(reading),
    calls,
  };
}

function variantOf(request: GenerationRequest): number {
  const { seed, temperature } = request.sampling;
  if (seed === undefined || temperature === 0) return 0;
  // Neighbouring seeds fall on different wordings.
  return Math.abs(Math.trunc(seed)) % 1_000_003;
}

function pick<Value>(values: readonly Value[], variant: number): Value {
  return values[variant % values.length] as Value;
}

const greeting =
  /^\s*(?:hi|hello|hey|good (?:morning|evening|afternoon)|你好|您好|嗨|早上好|晚上好)(?:\s+there)?[\s!！.。,，~]*$/iu;
const thanks = /^\s*(?:thanks|thank you|many thanks|谢谢|多谢)[^?？]{0,20}$/iu;
const identity = /\bwho are you\b|\bwhat(?:'s| is) your name\b|\bwhat model are you\b|你是谁|你叫什么|你的名字/i;
const refusesTools =
  /\b(?:do not|don't|without|no need to)\s+(?:us(?:e|ing)|call(?:ing)?)?\s*(?:any\s+|the\s+|a\s+)?(?:tools?|functions?)\b|(?:不要|别|无需|不用|不需要)(?:使用|调用|用)?(?:任何)?(?:工具|函数)/i;

function needsNoTool(asked: string): boolean {
  const start = asked.slice(0, 2_000);
  return [greeting, thanks, identity, refusesTools].some((pattern) => pattern.test(start));
}

/** Longest quotation of the request in a thought or an opening, in code points. */
const topicLength = 60;

function topicOf(talk: Talk): string {
  const line = talk.asked.slice(0, 500).replace(/\s+/g, " ").trim();
  const points = Array.from(line);
  return points.length > topicLength ? `${points.slice(0, topicLength).join("")}…` : line;
}

function thoughtOf({ talk, wording }: Reading, calls: readonly PlannedCall[]): string {
  const topic = topicOf(talk);
  const [call] = calls;
  if (call !== undefined) return fill(wording.thoughtCall, { topic, tool: calls.map(({ name }) => name).join(", ") });
  return fill(talk.afterResult ? wording.thoughtResult : wording.thought, { topic });
}

function answerOf(reading: Reading): string {
  const { format } = reading.talk.request;
  if (format.type !== "text") return JSON.stringify(jsonAnswer(reading));
  const { fixed, prefix, suffix } = reading.standing;
  const body = fixed ?? freeAnswer(reading);
  return [prefix, body, suffix].filter((part) => part !== undefined).join(reading.wording.separator);
}

/** The rules in the order of their weight; the last one always has something to say. */
function freeAnswer(reading: Reading): string {
  return (
    resultAnswer(reading) ??
    reading.echo ??
    mediaAnswer(reading) ??
    recall(reading.talk) ??
    smallTalk(reading) ??
    sumAnswer(reading) ??
    countAnswer(reading.talk.asked) ??
    essay(reading)
  );
}

/** Longest quotation of one tool result, in UTF-16 units. */
const resultLength = 4_000;

function resultAnswer({ talk, wording, variant }: Reading): string | undefined {
  if (!talk.afterResult) return undefined;
  const results = talk.results.map((text) =>
    text.length > resultLength ? `${text.slice(0, resultLength).toWellFormed()}…` : text,
  );
  return fill(pick(wording.result, variant), { results: results.join("\n") });
}

function mediaAnswer({ talk, wording }: Reading): string | undefined {
  if (talk.media.length === 0) return undefined;
  const count = { image: 0, video: 0 };
  const sentences = talk.media.map((part) => {
    const { kind, mime, size, frames } = describeMedia(part);
    count[kind] += 1;
    return fill(wording[kind], {
      number: count[kind],
      mime,
      size: size === undefined ? wording.unknownSize : `${size.width}x${size.height}`,
      frames: frames === undefined ? "" : fill(wording.frames, { frames }),
    });
  });
  return sentences.join(wording.separator);
}

function smallTalk({ talk, standing, wording, variant }: Reading): string | undefined {
  const start = talk.asked.slice(0, 500);
  if (identity.test(start)) {
    return standing.identity === undefined ? wording.identity : fill(wording.named, { name: standing.identity });
  }
  if (greeting.test(start)) return pick(wording.greeting, variant);
  if (thanks.test(start)) return wording.thanks;
  const name = talk.asked.length < 200 ? introducedName(talk.asked) : undefined;
  return name === undefined ? undefined : fill(wording.met, { name });
}

function sumAnswer({ talk, wording }: Reading): string | undefined {
  if (talk.asked.length > 500) return undefined;
  const expression = findExpression(talk.asked);
  const value = expression === undefined ? undefined : evaluate(expression);
  return expression === undefined || value === undefined ? undefined : fill(wording.sum, { expression, value });
}

/** Most numbers counted out. */
const longestCount = 10_000;

function countAnswer(asked: string): string | undefined {
  const match =
    /\bcount (?:up )?(?:from )?(?:(\d{1,9})\s*(?:to|-)\s*)?(?:to )?(\d{1,9})\b|从\s*(\d{1,9})\s*数到\s*(\d{1,9})/i.exec(
      asked.slice(0, 500),
    );
  if (match === null) return undefined;
  const from = Number(match[1] ?? match[3] ?? 1);
  const to = Math.min(Number(match[2] ?? match[4]), from + longestCount - 1);
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index).join(", ");
}

/** Words of an answer to a request that names no length, and the most that a request may name. */
const usualWords = 120;
const mostWords = 100_000;

function essay({ talk, wording, variant }: Reading): string {
  const asked = /(\d{2,6})(?:\s*[- ]?\s*|\s*个?)(?:words?\b|字)/i.exec(talk.asked.slice(0, 4_000))?.[1];
  const wanted = Math.min(asked === undefined ? usualWords : Number(asked), mostWords);
  const sentences = [fill(pick(wording.opening, variant), { topic: topicOf(talk) })];
  // Words in English, characters in Chinese.
  const size = (text: string): number => (wording.separator === "" ? text.length : text.split(" ").length);
  const emoji = emojiOf(talk.asked);
  let length = size(sentences[0] ?? "");
  for (let at = 0; length < wanted; at += 1) {
    const sentence = pick(wording.body, variant + at) + emoji;
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

function jsonAnswer(reading: Reading): Json {
  const { talk } = reading;
  const { format } = talk.request;
  const text = talk.afterResult ? `${talk.asked}\n${talk.results.join("\n")}` : talk.asked;
  if (format.type === "schema") return sampleValue(format.schema, { clues: new Clues(text), optional: "all" });
  const shown = /\{[\s\S]{0,4000}\}/.exec(talk.asked.slice(0, 8_000))?.[0];
  const parsed = shown === undefined ? undefined : parseJson(shown);
  if (isObject(parsed)) return parsed as Json;
  const keys = quotedTexts(talk.asked.slice(0, 2_000)).filter((key) => /^[\p{L}_][\p{L}\p{N}_-]{0,39}$/u.test(key));
  const clues = new Clues(talk.asked.replaceAll(/["“”]/g, " "));
  if (keys.length > 0) return Object.fromEntries(keys.map((key) => [key, clues.suggest(key) ?? clues.fallback(key)]));
  return { answer: freeAnswer(reading) };
}
