import type { Color } from "../../model/item.ts";
import { isObject, type Json, type JsonObject, parseJson } from "../../model/json.ts";
import type { GenerationRequest } from "../../model/request.ts";
import { evaluate, evaluateLetters, findExpression } from "./arithmetic.ts";
import { type PlannedCall, planCalls } from "./calls.ts";
import { Clues, quotedTexts } from "./clues.ts";
import { colorName } from "./color.ts";
import { wantedEcho } from "./echo.ts";
import { askedLength, topicOf, writeEssay } from "./essay.ts";
import { knownFact } from "./facts.ts";
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
  const quiet =
    standing.fixed !== undefined || echo !== undefined || needsNoTool(talk.asked) || recall(talk) !== undefined;
  const calls = planCalls(talk, { quiet, compose: (length) => writeEssay(reading, length) });
  return {
    thought: request.reasoning === "off" ? "" : thoughtOf(reading, calls),
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

function thoughtOf({ talk, wording }: Reading, calls: readonly PlannedCall[]): string {
  const topic = topicOf(talk);
  const [call] = calls;
  if (call !== undefined) return fill(wording.thoughtCall, { topic, tool: calls.map(({ name }) => name).join(", ") });
  return fill(talk.afterResult ? wording.thoughtResult : wording.thought, { topic });
}

function answerOf(reading: Reading): string {
  const { format } = reading.talk.request;
  if (format.type !== "text" || (reading.standing.fixed === undefined && wantsJson(reading)))
    return JSON.stringify(jsonAnswer(reading));
  const { fixed, prefix, suffix, included } = reading.standing;
  const body = fixed ?? freeAnswer(reading);
  if (included !== undefined && !body.includes(included)) return `${included} ${body}`;
  return [prefix, body, suffix].filter((part) => part !== undefined).join(reading.wording.separator);
}

/** JSON asked for in words, as callers do where a model knows no response format. */
function wantsJson({ talk, echo }: Reading): boolean {
  const start = talk.asked.slice(0, 2_000);
  if (echo !== undefined || talk.afterResult) return false;
  return /\b(?:output|return|respond|reply|answer)\b[^.\n]{0,40}\bjson\b|(?:输出|返回|生成)[^。\n]{0,20}json/i.test(
    start,
  );
}

/** The rules in the order of their weight; the last one always has something to say. */
function freeAnswer(reading: Reading): string {
  return (
    resultAnswer(reading) ??
    openingAnswer(reading) ??
    reading.echo ??
    mediaAnswer(reading, reading.talk.media) ??
    recall(reading.talk) ??
    mediaAnswer(reading, reading.talk.earlierMedia) ??
    smallTalk(reading) ??
    sumAnswer(reading) ??
    knownFact(reading.talk.asked, reading.wording === chinese) ??
    codeAnswer(reading.talk.asked) ??
    countAnswer(reading.talk.asked) ??
    earlierAnswer(reading) ??
    essay(reading)
  );
}

/** "What is the word? Say only the word.": the question comes first, and memory knows; what follows is about the form. */
function openingAnswer({ talk }: Reading): string | undefined {
  return /^[^:：?？"“「\n]{1,100}[?？]\s*\S/u.test(talk.asked) ? recall(talk) : undefined;
}

/** Longest quotation of one tool result, in UTF-16 units. */
const resultLength = 4_000;

function resultAnswer(reading: Reading): string | undefined {
  const { afterResult, results } = reading.talk;
  if (!afterResult) return undefined;
  const pictures = mediaAnswer(reading, reading.talk.media);
  if (pictures === undefined) return tellResults(reading, results);
  const told = results.some((text) => text !== "") ? [tellResults(reading, results), pictures] : [pictures];
  return told.join(reading.wording.separator);
}

/** A short question after results of earlier turns, with the tools still at hand, is about them. */
function earlierAnswer(reading: Reading): string | undefined {
  const { asked, earlierResults, request } = reading.talk;
  if (earlierResults.length === 0 || request.tools.length === 0 || asked.length > 400) return undefined;
  return tellResults(reading, earlierResults.slice(-2));
}

function tellResults({ wording, variant }: Reading, texts: readonly string[]): string {
  const results = texts.map((text) => {
    return text.length > resultLength ? `${text.slice(0, resultLength).toWellFormed()}…` : text;
  });
  return fill(pick(wording.result, variant), { results: results.join("\n") });
}

function mediaAnswer({ wording }: Reading, media: Talk["media"]): string | undefined {
  if (media.length === 0) return undefined;
  const count = { image: 0, video: 0 };
  const sentences = media.map((part) => {
    const { kind, mime, size, frames, colors } = describeMedia(part);
    count[kind] += 1;
    return fill(wording[kind], {
      number: count[kind],
      mime,
      size: size === undefined ? wording.unknownSize : `${size.width}x${size.height}`,
      frames: frames === undefined ? "" : fill(wording.frames, { frames }),
      color: colors === undefined ? "" : fill(wording.color, { colors: colorWords(colors, wording) }),
    });
  });
  const counts = (["image", "video"] as const)
    .filter((kind) => count[kind] > 1)
    .map((kind) => fill(wording.seen[kind], { count: count[kind] }));
  return [...counts, ...sentences].join(wording.separator);
}

/** The colors in order; those that stay the same are told once. */
function colorWords(colors: readonly Color[], wording: Wording): string {
  const names = colors.map((color) => colorName(color, wording === chinese ? "chinese" : "english"));
  return names.filter((name, index) => name !== names[index - 1]).join(wording.followed);
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
  const letters = evaluateLetters(talk.said);
  if (letters !== undefined) return fill(wording.sum, letters);
  const expression = findExpression(talk.asked);
  const value = expression === undefined ? undefined : evaluate(expression);
  return expression === undefined || value === undefined ? undefined : fill(wording.sum, { expression, value });
}

/** Function heads by language; the body says where it comes from. */
const functionForms: readonly [RegExp, (name: string) => string][] = [
  [/\bpython\b/i, (name) => `def ${name}(n):\n    # Written by rules, not by a language model.\n    return n`],
  [
    /\b(?:javascript|typescript|js|ts|node)\b/i,
    (name) => `function ${name}(n) {\n  // Written by rules, not by a language model.\n  return n;\n}`,
  ],
];

/** "Write a Python function called 'x'": a function of that name, so that code comes where code is asked for. */
function codeAnswer(asked: string): string | undefined {
  const start = asked.slice(0, 500);
  const name =
    /\bfunction\s+(?:called|named)\s+["'`]?([A-Za-z_]\w*)|(?:名为|叫做?)\s*["'`“]?([A-Za-z_]\w*)["'`”]?\s*的?函数/i.exec(
      start,
    );
  const form = functionForms.find(([language]) => language.test(start))?.[1];
  const found = name?.[1] ?? name?.[2];
  return found === undefined ? undefined : form?.(found);
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

/** Words of an answer to a request that names no length. */
const usualWords = 120;

function essay(reading: Reading): string {
  return writeEssay(reading, askedLength(reading.talk.asked) ?? usualWords);
}

function jsonAnswer(reading: Reading): Json {
  const { talk } = reading;
  const { format } = talk.request;
  const text = talk.afterResult ? `${talk.asked}\n${talk.results.join("\n")}` : talk.asked;
  const compose = (length: number): string => writeEssay(reading, length);
  if (format.type === "schema") {
    const clues = new Clues(text, undefined, bareAnswer(reading));
    return sampleValue(format.schema, { clues, optional: "all", compose });
  }
  const shown = /\{[\s\S]{0,4000}\}/.exec(talk.asked.slice(0, 8_000))?.[0];
  const parsed = shown === undefined ? undefined : parseJson(shown);
  if (isObject(parsed)) return parsed as Json;
  const pairs = askedPairs(talk.asked.slice(0, 2_000));
  if (pairs !== undefined) return pairs;
  const keys = askedKeys(talk.asked.slice(0, 2_000));
  if (keys.length === 0) return { answer: freeAnswer(reading) };
  const clues = new Clues(talk.asked.replaceAll(/["“”]/g, " "));
  const properties = Object.fromEntries(
    keys.map((key) => [key, clues.count(key) === undefined ? {} : askedList(talk.asked)]),
  );
  return sampleValue({ type: "object", properties, required: keys }, { clues, optional: "all", compose });
}

/** A list of objects with the keys that the words give "each object". */
function askedList(asked: string): JsonObject {
  const clause =
    /(?:每个对象|每一项|each (?:object|item|one|entry))\s*(?:都)?(?:包含|有|has|contains|with|containing)([^；;。.\n]+)/i.exec(
      asked,
    )?.[1];
  const keys = [...new Set(clause?.match(/[A-Za-z_]\w*/g)?.filter((key) => key !== "and"))];
  const properties = Object.fromEntries(keys.map((key) => [key, {}]));
  return { type: "array", items: keys.length === 0 ? {} : { type: "object", properties, required: keys } };
}

const keyName = /^[\p{L}_][\p{L}\p{N}_-]{0,39}$/u;

/** The keys that the words ask a JSON object to have: quoted ones, or a list after "keys", "fields" or 包含. */
/** What is answered, without the sentence around it. */
function bareAnswer(reading: Reading): string | number {
  const { asked } = reading.talk;
  const expression = asked.length > 500 ? undefined : findExpression(asked);
  const fact = knownFact(asked, reading.wording === chinese)?.replace(/[.。]$/u, "");
  return (expression === undefined ? undefined : evaluate(expression)) ?? fact ?? freeAnswer(reading);
}

/** `key "answer" and value 42`, once or several times. */
function askedPairs(asked: string): JsonObject | undefined {
  const pattern =
    /\bkey\s{1,3}["'`]?([A-Za-z_]\w{0,60})["'`]?,?\s{1,3}(?:and|with|having)?\s{0,3}(?:the\s)?value\s{1,3}(?:of\s)?("[^"\n]*"|'[^'\n]*'|[^\s,;.]+(?:\.\d+)?)/gi;
  const pairs = [...asked.matchAll(pattern)].map(([, key = "", value = ""]) => {
    const plain = value.replace(/^'([^\n]*)'$/, '"$1"');
    return [key, parseJson(plain) ?? plain] as const;
  });
  return pairs.length === 0 ? undefined : (Object.fromEntries(pairs) as JsonObject);
}

function askedKeys(asked: string): string[] {
  const quoted = quotedTexts(asked).filter((key) => keyName.test(key));
  if (quoted.length > 0) return [...new Set(quoted)];
  const list =
    /(?:\b(?:keys?|fields?|properties)\b:?|包含|字段)\s*([A-Za-z_]\w*(?:\s*(?:,|、|，|and|和)\s*(?:and\s+)?[A-Za-z_]\w*)*)/i.exec(
      asked,
    )?.[1];
  return [...new Set(list?.split(/\s*(?:,|、|，|\band\b|和)\s*/).filter((key) => keyName.test(key)))];
}
