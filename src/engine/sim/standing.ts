import { wantedEcho } from "./echo.ts";
import type { Talk } from "./talk.ts";

/** What standing instructions ask of every answer. */
export interface Standing {
  /** The whole answer. */
  fixed?: string;
  prefix?: string;
  suffix?: string;
  /** Words that every answer must hold somewhere. */
  included?: string;
  language?: "chinese" | "english";
  /** Who the assistant is said to be. */
  identity?: string;
}

/** Long instructions, such as those of coding agents, are full of phrases that look like rules and are none. */
const longestInstruction = 2_000;

const quotedOrRest = `(?:"([^"]+)"|“([^”]+)”|'([^']+)'|「([^」]+)」|\`([^\`]+)\`|(\\[[^\\]]+\\]|[^\\s.。,，!！]+(?: [^\\s.。,，!！]+){0,5}[!！]?))`;
const answers = "(?:of your )?(?:answers?|repl(?:y|ies)|responses?|messages?|sentences?)";
const every = `(?:(?:every|each|all|your|any|the)\\s+){1,2}${answers}`;
const word = "(?:the )?(?:exact )?(?:word |words |text |phrase |token )?";

const suffixes: readonly RegExp[] = [
  new RegExp(
    `\\b(?:end|finish|close|conclude)\\s+(?:${every}|by saying)\\s+(?:with|by saying)\\s+${word}${quotedOrRest}`,
    "i",
  ),
  new RegExp(
    `${every}\\s+(?:must|should|has to|shall)?\\s*(?:always\\s+)?ends?\\s+with\\s+${word}${quotedOrRest}`,
    "i",
  ),
  /(?:以|用)\s*["“「']?([^"”」'\s]+?)["”」']?\s*(?:作为)?(?:结尾|结束|收尾)/,
];
const prefixes: readonly RegExp[] = [
  new RegExp(`\\b(?:begin|start|prefix)\\s+${every}\\s+with\\s+${word}${quotedOrRest}`, "i"),
  new RegExp(
    `${every}\\s+(?:must|should|has to|shall)?\\s*(?:always\\s+)?(?:begins?|starts?)\\s+with\\s+${word}${quotedOrRest}`,
    "i",
  ),
  /(?:以|用)\s*["“「']?([^"”」'\s]+?)["”」']?\s*(?:作为)?(?:开头|开始)/,
];
const inclusions: readonly RegExp[] = [
  new RegExp(
    `\\b(?:include|contain|use|say|mention)\\s+${word}${quotedOrRest}\\s+(?:in|at least once in)\\s+${every}`,
    "i",
  ),
  new RegExp(`${every}\\s+(?:must|should|has to|shall)\\s+(?:include|contain|mention)\\s+${word}${quotedOrRest}`, "i"),
  /(?:每次|每个|所有)(?:回答|回复)(?:中|里)?(?:都)?(?:必须|要|应)?(?:包含|提到|带上)\s*["“「']?([^"”」'\s，。]+)/,
];
/** "When the user says X, answer with Y": X and Y in quotes of some kind, in one sentence. */
const quotedMark = "[`\"'“”‘’「」]";
const unquoted = "(?:[^`\"'“”‘’「」\\n]|(?<=\\w)['’](?=\\w))";
const conditional = new RegExp(
  `(?:\\b(?:when(?:ever)?|if)\\b|每当|当|如果)${unquoted}{0,60}${quotedMark}(${unquoted}+)${quotedMark}[^.。\\n]{0,200}?${quotedMark}(${unquoted}+)${quotedMark}`,
  "giu",
);
const languages: readonly [RegExp, "chinese" | "english"][] = [
  [
    /\b(?:reply|respond|answer|speak|write)\b[^.\n]{0,30}\bin (?:simplified )?chinese\b|用中文|使用中文|(?:说|讲)中文/i,
    "chinese",
  ],
  [/\b(?:reply|respond|answer|speak|write)\b[^.\n]{0,30}\bin english\b|用英文|用英语|使用英[文语]/i, "english"],
];
const identities: readonly RegExp[] = [
  /\byour name is ["“']?([\p{L}][\p{L}\d .-]{0,38}?[\p{L}\d])(?=["”']|[.,;!\n]|\s+and\b|$)/iu,
  /\byou are (?:called )?["“']?([A-Z][\p{L}\d-]*(?: [A-Z][\p{L}\d-]*)*)/u,
  /你的名字(?:是|叫)["“「]?([^，。,.!！\s"”」]{1,20})/,
  /你(?:叫|是)["“「]?([^，。,.!！\s"”」一个]{1,20})/,
];

/** Root outweighs system, system outweighs the user: the first text that says something about a matter decides it. */
export function readStanding(talk: Talk): Standing {
  const standing: Standing = {};
  for (const text of talk.instructions) {
    if (text.length > longestInstruction) continue;
    adopt(standing, ownRules(text, talk.asked));
  }
  const language = languages.find(([pattern]) => pattern.test(talk.asked.slice(-longestInstruction)))?.[1];
  if (language !== undefined) adopt(standing, { language });
  return standing;
}

function adopt(standing: Standing, rules: Standing): void {
  Object.assign(standing, { ...rules, ...standing });
}

function ownRules(text: string, asked: string): Standing {
  const suffix = firstGroup(suffixes, text);
  const prefix = firstGroup(prefixes, text);
  const included = firstGroup(inclusions, text);
  const partial = [suffix, prefix, included].some((rule) => rule !== undefined);
  const conditions = [...text.matchAll(conditional)];
  const met = conditions.find(([, said = ""]) => said.trim() === asked.trim())?.[2];
  const fixed = met ?? (partial || conditions.length > 0 ? undefined : wantedEcho(text, { strict: true }));
  const language = languages.find(([pattern]) => pattern.test(text))?.[1];
  const identity = firstGroup(identities, text);
  return {
    ...(fixed !== undefined && { fixed }),
    ...(prefix !== undefined && { prefix }),
    ...(suffix !== undefined && { suffix }),
    ...(included !== undefined && { included }),
    ...(language !== undefined && { language }),
    ...(identity !== undefined && { identity }),
  };
}

/** The first group that took part in the first match. */
function firstGroup(patterns: readonly RegExp[], text: string): string | undefined {
  for (const pattern of patterns) {
    const found = pattern
      .exec(text)
      ?.slice(1)
      .find((group) => group !== undefined);
    if (found !== undefined) return found.trim();
  }
  return undefined;
}
