import type { Talk } from "./talk.ts";

/** What people tell of themselves, and how they ask for it later. */
const nameTold: readonly RegExp[] = [
  /\bmy name(?: is|'s|’s) ["“']?([\p{L}][\p{L}'-]*(?: [A-Z][\p{L}'-]*)*)/iu,
  /\b(?:call me|i am called|i'm called) ["“']?([\p{L}][\p{L}'-]*)/iu,
  /\bI(?:'m| am) ([A-Z][\p{L}'-]+)\b/u,
  /我的名字(?:是|叫)["“「]?([^，。,.!！？?\s"”」]{1,20})/,
  /我(?:名)?叫["“「]?([^，。,.!！？?\s"”」什]{1,20})/,
];
const nameAsked =
  /\bwhat(?:'s|’s| is| was) my name\b|\bwho am i\b|\b(?:remember|know|tell me) my name\b|我(?:的名字)?(?:叫|是)(?:什么|谁)|我的名字/i;

const factTold: readonly RegExp[] = [
  /\b(?:my|the) ([\p{L}\d][\p{L}\d -]{1,40}?) (?:is|are) ["“']?([^.!?,;\n"”']{1,80})/giu,
  /\bremember (?:this|the|that|my) ([\p{L}\d][\p{L}\d -]{1,40}?)\s*(?:[:=]|is)\s*["“']?([^.!?,;\n"”']{1,80})/giu,
  /我(?:的|最)([^是，。\s]{1,12})是["“「]?([^，。,.!！？?\s"”」]{1,40})/gu,
  /记住(?:这个|这|我的)?([^是为：:，。\s]{1,12})[是为：:]\s*["“「]?([^，。,.!！？?\s"”」]{1,40})/gu,
];
const factAsked: readonly RegExp[] = [
  /\bwhat(?:'s|’s| is| was| are| were) (?:my|the) ([\p{L}\d][\p{L}\d -]{1,40}?)(?: again| i (?:told|gave|said)[^?]*)?\s*(?:[?.!]|$)/iu,
  /\b(?:what|which) ([\p{L}\d][\p{L}\d -]{1,40}?) did i (?:ask|tell|give|want)\b/iu,
  /(?:我(?:的|最)|这个|^)([^是，。\s]{1,12})是(?:什么|多少|谁|哪)/u,
];

/** The bare value is wanted, without a sentence around it. */
const onlyThat = /\b(?:with|reply|answer|respond|output|say)\s+(?:only|just)\b|(?:只|仅)(?:回答|回复|输出|说)/i;

const lastSaidAsked = /\bwhat did i (?:just )?(?:say|ask|write|tell)|我(?:刚才|刚刚)?(?:说|问)了?什么/i;
const lastAnswerAsked =
  /\bwhat did you (?:just )?(?:say|answer|write|tell)|\brepeat (?:that|what you said)|你(?:刚才|刚刚)?(?:说|回答)了?什么/i;

/** What history tells of a question, as one sentence; `undefined` where it is no such question. Later words win. */
export function recall(talk: Talk): string | undefined {
  const { asked, chinese } = talk;
  if (asked.length > 400) return undefined;
  const before = talk.said.slice(0, -1).toReversed();
  if (nameAsked.test(asked)) return nameSentence(toldName([asked, ...before]), chinese);
  if (lastSaidAsked.test(asked)) return quote(before[0], chinese ? "你刚才说：" : "You said: ");
  if (lastAnswerAsked.test(asked)) return quote(talk.answered.at(-1), chinese ? "我刚才说：" : "I said: ");
  return factSentence(asked, before, chinese);
}

function toldName(texts: readonly string[]): string | undefined {
  for (const text of texts) {
    for (const pattern of nameTold) {
      const name = pattern.exec(text)?.[1];
      if (name !== undefined) return name;
    }
  }
  return undefined;
}

function nameSentence(name: string | undefined, chinese: boolean): string {
  if (name === undefined) return chinese ? "你还没有告诉我你的名字。" : "You have not told me your name yet.";
  return chinese ? `你的名字是${name}。` : `Your name is ${name}.`;
}

/** The name told in a text that asks nothing, so that it can be greeted. */
export function introducedName(text: string): string | undefined {
  return nameAsked.test(text) ? undefined : toldName([text.slice(0, 400)]);
}

function factSentence(asked: string, before: readonly string[], chinese: boolean): string | undefined {
  const topic = factAsked.map((pattern) => pattern.exec(asked)?.[1]).find((found) => found !== undefined);
  if (topic === undefined) return undefined;
  for (const text of before) {
    for (const [, told = "", value = ""] of factTold.flatMap((pattern) => [
      ...text.slice(0, 4_000).matchAll(pattern),
    ])) {
      if (told.trim().toLowerCase() !== topic.trim().toLowerCase()) continue;
      if (onlyThat.test(asked)) return value.trim();
      return chinese ? `你的${topic}是${value.trim()}。` : `Your ${topic} is ${value.trim()}.`;
    }
  }
  return undefined;
}

function quote(text: string | undefined, lead: string): string | undefined {
  return text === undefined ? undefined : `${lead}${text}`;
}
