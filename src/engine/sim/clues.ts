import { findExpression } from "./arithmetic.ts";

/** How a value is looked up by the name of its property. The first row that fits and finds something wins. */
interface ClueRow {
  names: RegExp;
  find(clues: Clues): string | undefined;
}

const properName = String.raw`[A-Z][\p{L}'.-]*(?:\s+[A-Z][\p{L}'.-]*)*`;
const place = new RegExp(String.raw`\b(?:in|at|for|of|near|to|from)\s+(${properName}(?:,\s*${properName})?)`, "u");
const leaving = new RegExp(String.raw`\bfrom\s+(${properName})`, "u");
const arriving = new RegExp(String.raw`\bto\s+(${properName})`, "u");
const person = new RegExp(String.raw`\b(?:named|called|name is|for|to)\s+(${properName})`, "u");
/** What people put before a Chinese place name, and what follows it. */
const chineseLead =
  /^(?:请问|请|帮我|帮忙|我想|想|知道|同时|告诉我|查询|查一下|查查|查看|查|看看|看一下|对比|比较|获取|搜索|一下|在|从|到|去|今天|明天)+/;
const chinesePlace =
  /([\p{Script=Han}]{2,}?)(?:的|今天|今日|明天|现在|目前|当前|这里|市)*(?:天气|气温|温度|时间|几点|景点|位置)/u;

const rows: readonly ClueRow[] = [
  { names: /\b(?:url|uri|link|href|website)\b/, find: (clues) => clues.match(/https?:\/\/[^\s"'<>，。）)]+/) },
  { names: /mail/, find: (clues) => clues.match(/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/) },
  {
    names: /\b(?:from|origin|departure|source)\b/,
    find: (clues) => clues.match(leaving) ?? clues.match(/从([\p{Script=Han}]{2,4}?)(?:到|去|飞)/u),
  },
  {
    names: /\b(?:to|destination|arrival|target)\b/,
    find: (clues) => clues.match(arriving) ?? clues.match(/(?:到|去|飞)([\p{Script=Han}]{2,4}?)(?:的|$|，|。)/u),
  },
  {
    names: /\b(?:city|cities|location|place|town|region|country|area|address)\b|城市|地点|地址/,
    find: (clues) => clues.focus ?? clues.place(),
  },
  {
    names: /\b(?:path|file|filename|dir|directory|folder)\b/,
    find: (clues) =>
      clues.match(/(?<![\w:/])(?:[\w.~-]*\/)+[\w.-]*[\w-]/) ?? clues.match(/(?<![@\w.-])[\w-]+\.[A-Za-z]\w{0,4}\b/),
  },
  { names: /\b(?:expression|expr|formula|equation|calculation)\b|表达式/, find: (clues) => findExpression(clues.text) },
  { names: /\b(?:command|cmd|script|shell|code)\b/, find: (clues) => clues.match(/`([^`\n]+)`/) },
  {
    names: /\b(?:date|day|when)\b|日期/,
    find: (clues) =>
      clues.match(/\d{4}-\d{2}-\d{2}/) ?? clues.match(/\b(?:today|tomorrow|yesterday)\b|今天|明天|昨天/i),
  },
  { names: /\btime\b/, find: (clues) => clues.match(/\b\d{1,2}:\d{2}(?::\d{2})?\b/) },
  { names: /\b(?:name|person|user|recipient)\b/, find: (clues) => clues.quoted() ?? clues.match(person) },
  { names: /./, find: (clues) => clues.quoted() },
];

/** Properties that stand for what the user said as a whole. */
const wholeText =
  /\b(?:query|question|text|message|content|prompt|input|keywords?|search|topic|task|description|body|title|subject|q)\b|问题|内容/;

/** What a request's text offers for the arguments of one call or one JSON answer. Quoted texts and numbers are used up. */
export class Clues {
  // fixed at birth
  readonly text: string;
  /** The one of several named things that this call is about. */
  readonly focus: string | undefined;
  // changed by events
  private readonly quotes: string[];
  private readonly numbers: number[];

  constructor(text: string, focus?: string) {
    this.text = text.slice(0, 8_000);
    this.focus = focus;
    this.quotes = focus === undefined ? quotedTexts(this.text) : [focus];
    this.numbers = [...this.text.matchAll(/(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-])/g)].map(([digits]) => Number(digits));
  }

  /** A value that the request clearly gives for the property. */
  suggest(name: string): string | undefined {
    const words = plainName(name);
    const given = this.assigned(name);
    if (given !== undefined) return given;
    for (const row of rows) {
      const found = row.names.test(words) ? row.find(this) : undefined;
      if (found !== undefined && found !== "") return found;
    }
    return undefined;
  }

  /** Whether `suggest` would find something; uses nothing up. */
  offers(name: string): boolean {
    const quotes = [...this.quotes];
    const found = this.suggest(name) !== undefined;
    this.quotes.splice(0, Infinity, ...quotes);
    return found;
  }

  /** Something to say where the property must have a value and the request gives none. */
  fallback(name: string): string {
    const words = plainName(name);
    if (/\b(?:command|cmd|script|shell)\b/.test(words)) return "echo ok";
    if (wholeText.test(words) && this.text !== "") return this.text.slice(0, 500);
    return this.focus ?? (words === "" ? "example" : `example ${words}`);
  }

  /** The next number of the request that passes the test. */
  number(passes: (value: number) => boolean): number | undefined {
    const at = this.numbers.findIndex(passes);
    return at < 0 ? undefined : this.numbers.splice(at, 1)[0];
  }

  /** Whether the request speaks of a word or value. */
  mentions(value: string): boolean {
    return value !== "" && this.text.toLowerCase().includes(value.toLowerCase());
  }

  quoted(): string | undefined {
    return this.quotes.shift();
  }

  match(pattern: RegExp): string | undefined {
    const found = pattern.exec(this.text);
    return found?.[1] ?? found?.[0];
  }

  place(): string | undefined {
    const found = this.match(place);
    if (found !== undefined) return found.replace(/[.'-]+$/, "");
    const run = this.match(chinesePlace)?.replace(chineseLead, "");
    return run === "" ? this.quoted() : (run ?? this.quoted());
  }

  /** `city=Paris`, `city: "Paris"`, `city is Paris`. */
  private assigned(name: string): string | undefined {
    const escaped = name.replace(/[^\p{L}\p{N}]/gu, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
    const pattern = new RegExp(
      `(?<![\\p{L}\\p{N}_])${escaped}(?:\\s*[=:：]\\s*|\\s+(?:is|as)\\s+)(?:"([^"\\n]+)"|'([^'\\n]+)'|([^\\s,;，；。"']+))`,
      "iu",
    );
    const found = pattern.exec(this.text);
    return found?.slice(1).find((group) => group !== undefined);
  }
}

/** `fromCity`, `from_city`, `from-city`: `from city`. */
function plainName(name: string): string {
  return name
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/[_.-]+/g, " ")
    .trim()
    .toLowerCase();
}

/** Quoted texts in order. An apostrophe inside a word opens nothing. */
export function quotedTexts(text: string): string[] {
  const pattern =
    /"([^"\n]+)"|“([^”\n]+)”|「([^」\n]+)」|『([^』\n]+)』|(?<![\p{L}\p{N}])'([^'\n]+)'(?![\p{L}\p{N}])/gu;
  return [...text.matchAll(pattern)].map((match) => match.slice(1).find((group) => group !== undefined) ?? "");
}
