import { isObject, type Json, parseJson } from "../../model/json.ts";
import { findExpression } from "./arithmetic.ts";

/** How a value is looked up by the name of its property. The first row that fits and finds something wins. */
interface ClueRow {
  names: RegExp;
  find(clues: Clues): string | undefined;
}

const properName = String.raw`[A-Z][\p{L}'.-]*(?:\s+[A-Z][\p{L}'.-]*)*`;
const place = new RegExp(String.raw`\b(?:in|at|for|of|near|to|from)\s+(${properName}(?:,\s*${properName})?)`, "u");
/** "And Shanghai?", "What about Oslo?", 上海呢. */
const nextPlace = new RegExp(
  String.raw`\b(?:[Aa]nd|[Aa]bout)\s+(${properName})|^(?:那|那么)?([\p{Script=Han}]{2,4})呢`,
  "u",
);
const leaving = new RegExp(String.raw`\bfrom\s+(${properName})`, "u");
const arriving = new RegExp(String.raw`\bto\s+(${properName})`, "u");
const person = new RegExp(String.raw`\b(?:named|called|name is|for|to)\s+(${properName})`, "u");
/** What people put before a Chinese place name, and what follows it. */
const chineseLead =
  /^(?:请问|请|帮我|帮忙|我想|想|知道|同时|告诉我|查询|查一下|查查|查看|查|看看|看一下|对比|比较|获取|搜索|一下|在|从|到|去|今天|明天)+/;
const chinesePlace =
  /([\p{Script=Han}]{2,16}?)(?:的|今天|今日|明天|现在|目前|当前|这里|市){0,3}(?:天气|气温|温度|时间|几点|景点|位置)/u;

const rows: readonly ClueRow[] = [
  { names: /\b(?:url|uri|link|href|website)\b/, find: (clues) => clues.match(/https?:\/\/[^\s"'<>，。）)]+/) },
  { names: /mail/, find: (clues) => clues.match(/(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/) },
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
  { names: /\b(?:command|cmd|script|code)\b/, find: (clues) => clues.match(/`([^`\n]+)`/) },
  {
    names: /\b(?:date|day|when|check in|check out|start|end)\b|日期/,
    find: (clues) =>
      clues.match(/\d{4}-\d{2}-\d{2}/) ?? clues.match(/\b(?:today|tomorrow|yesterday)\b|今天|明天|昨天/i),
  },
  { names: /\btime\b/, find: (clues) => clues.match(/\b\d{1,2}:\d{2}(?::\d{2})?\b/) },
  { names: /\b(?:name|person|user|recipient)\b/, find: (clues) => clues.quoted() ?? clues.match(person) },
  { names: /\b(?:id|code|number|reference|sku|order)\b|编号/, find: (clues) => clues.match(/\b[A-Z]{1,4}-?\d{2,}\b/) },
  { names: /\bcontents?\b|\bbody\b|\btext\b|\bpayload\b/, find: (clues) => clues.tagged() },
];

/** For a property whose name says nothing: the text that is marked as a value. */
const anyName: ClueRow = { names: /./, find: (clues) => clues.quoted() ?? clues.match(/\bwith\s+([A-Z][\w-]*)/) };

/** Properties that stand for what the user said as a whole. */
const wholeText =
  /\b(?:query|question|text|message|content|prompt|input|keywords?|search|topic|task|description|body|q)\b|问题|内容/;

/** Properties that stand for the answer as a whole. */
const wholeAnswer = /^(?:the )?(?:final )?(?:answer|reply|response|result|solution)$/;

/** Longest part of a request that is read at all, and that is searched word by word, in UTF-16 units. */
const longestText = 1_000_000;
const longestSearch = 8_000;
/** More tags than these are no quotation. */
const mostTags = 50;

/** What a request's text offers for the arguments of one call or one JSON answer. Quoted texts and numbers are used up. */
export class Clues {
  // fixed at birth
  /** The part that is searched. */
  readonly text: string;
  private readonly whole: string;
  /** What the whole reply would be, for a property that stands for it. */
  private readonly answer: string | number | undefined;
  /** The one of several named things that this call is about. */
  readonly focus: string | undefined;
  // changed by events
  private readonly quotes: string[];
  private readonly numbers: number[];

  constructor(text: string, focus?: string, answer?: string | number) {
    this.answer = answer;
    this.whole = text.slice(0, longestText);
    this.text = text.slice(0, longestSearch);
    this.focus = focus;
    this.quotes = focus === undefined ? quotedTexts(this.text) : [focus];
    this.numbers = [...this.text.matchAll(/(?<![\w.-])-?\d+(?:\.\d+)?(?!\w|-\d)/g)].map(([digits]) => Number(digits));
  }

  /** A value that the request gives for the property. */
  suggest(name: string): string | undefined {
    const words = plainName(name);
    const given = this.assigned(name) ?? this.byName(words, rows);
    const answer = wholeAnswer.test(words) ? this.answer?.toString() : undefined;
    return given ?? answer ?? this.byName(words, [anyName]);
  }

  private byName(words: string, among: readonly ClueRow[]): string | undefined {
    for (const row of among) {
      const found = row.names.test(words) ? row.find(this) : undefined;
      if (found !== undefined && found !== "") return found;
    }
    return undefined;
  }

  /** Whether the request has something for this very property, not just any text that would fit; uses nothing up. */
  offers(name: string): boolean {
    const quotes = [...this.quotes];
    const found = this.assigned(name) ?? this.byName(plainName(name), rows);
    this.quotes.splice(0, Infinity, ...quotes);
    return found !== undefined;
  }

  /** Something to say where the property must have a value and the request gives none. */
  fallback(name: string): string {
    const words = plainName(name);
    if (/\b(?:command|cmd|script|shell)\b/.test(words)) return "echo ok";
    if (/\b(?:title|subject|topic)\b/.test(words) && this.text !== "")
      return Array.from(this.text.slice(0, 100)).slice(0, 40).join("");
    if (wholeText.test(words) && this.text !== "") return this.text.slice(0, 500).toWellFormed();
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
    return found?.slice(1).find((group) => group !== undefined) ?? found?.[0];
  }

  place(): string | undefined {
    const found = this.match(place);
    if (found !== undefined) return found.replace(/[.'-]+$/, "");
    const next = this.match(nextPlace);
    if (next !== undefined) return next;
    const run = this.match(chinesePlace)?.replace(chineseLead, "");
    return run === "" ? this.quoted() : (run ?? this.quoted());
  }

  /** A JSON value that the text assigns to the property: `list = [1, 2]`, or `{"a": 1}` for `object`. */
  json(name: string): Json | undefined {
    const found = new RegExp(`${namePattern(name)}\\s*[=:：]\\s*(?=[\\d[{"tfn-])`, "iu").exec(this.text);
    const assigned = found === null ? undefined : firstJson(this.text.slice(found.index + found[0].length));
    if (assigned !== undefined) return assigned;
    if (typeof this.answer === "number" && wholeAnswer.test(plainName(name))) return this.answer;
    const meant = this.meantFor(name);
    const parsed = meant === undefined ? undefined : parseJson(meant);
    return isObject(parsed) || Array.isArray(parsed) ? (parsed as Json) : undefined;
  }

  /** How many of them the text asks for: `sections 至少6节`, `2 paragraphs`. */
  count(name: string): number | undefined {
    const word = escapeName(singularName(name));
    const pattern = new RegExp(
      `${word}s?\\s{0,3}[^\\d\\s,.;，。；]{0,8}\\s{0,3}(\\d{1,3})\\s*(?:个|节|条|项|items?|entries)|(\\d{1,3})\\s*(?:个|条|项)?\\s{0,3}${word}(?!\\s+by\\b)`,
      "iu",
    );
    const found = pattern.exec(this.text);
    return found === null ? undefined : Number(found[1] ?? found[2]);
  }

  /** How long the text asks the property, or else the whole, to be: words, or characters in Chinese. */
  length(name: string): number | undefined {
    const own = new RegExp(
      `${escapeName(singularName(name))}s?[^\\d,.;，。；]{0,12}(\\d{2,6})\\s*个?(?:字|words|characters)`,
      "iu",
    ).exec(this.text)?.[1];
    const any = own ?? /(\d{2,6})[\s-]*个?(?:words?\b|characters?\b|字)/i.exec(this.text)?.[1];
    return any === undefined ? undefined : Number(any);
  }

  /** Records named one by one: `Alice (age 30) and Bob (age 25)`. */
  records(): Clues[] {
    const found = [...this.text.matchAll(/(?<!\p{L})(\p{Lu}[\p{L}'-]{1,40})\s{0,3}[(（]([^)）\n]{1,80})[)）]/gu)];
    return found.map(([all, name = ""]) => new Clues(all, name));
  }

  /** The longest text between a tag and its end: `<PAYLOAD>...</PAYLOAD>`. */
  tagged(): string | undefined {
    let longest: string | undefined;
    for (const close of [...this.whole.matchAll(/<\/(\w{1,20})>/g)].slice(0, mostTags)) {
      const open = `<${close[1] ?? ""}>`;
      const at = this.whole.lastIndexOf(open, close.index);
      const inner = at < 0 ? undefined : this.whole.slice(at + open.length, close.index);
      if (inner !== undefined && inner.length > (longest?.length ?? -1)) longest = inner;
    }
    return longest;
  }

  /** `city=Paris`, `city: "Paris"`, `city is Paris`, `"Paris" for city`. */
  private assigned(name: string): string | undefined {
    const between =
      "(?:\\s*[=:：]\\s*|\\s+(?:is|as|(?:should|must) be)\\s+(?:exactly\\s+)?|\\s*(?:必须|应该?|要)?(?:精确|恰好)?[为是]\\s*)";
    const value = "(?:\"([^\"\\n]+)\"|'([^'\\n]+)'|`([^`\\n]+)`|([^\\s,;，；。\"'`]+))";
    const found = new RegExp(`${namePattern(name)}${between}${value}`, "iu").exec(this.text);
    const plain = found?.[1] ?? found?.[2] ?? found?.[4]?.replace(/[.)）]+$/, "");
    return plain ?? unescaped(found?.[3]) ?? unescaped(this.meantFor(name));
  }

  /** `"some text" for the title field`. */
  private meantFor(name: string): string | undefined {
    const pattern = new RegExp(
      `(?:\`([^\`\\n]+)\`|"([^"\\n]+)"|'([^'\\n]+)')\\s+(?:for|as|into|in)\\s+(?:the\\s+)?${namePattern(name)}`,
      "iu",
    );
    return pattern
      .exec(this.text)
      ?.slice(1)
      .find((group) => group !== undefined);
  }
}

function escapeName(name: string): string {
  return name.replace(/[^\p{L}\p{N}]/gu, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The property's name as a word of its own, quoted or not. */
function namePattern(name: string): string {
  return `(?<![\\p{L}\\p{N}_])[\`"']?${escapeName(name)}[\`"']?(?![\\p{L}\\p{N}_])`;
}

/** The name of one of several: `cities` gives `city`. */
export function singularName(name: string): string {
  return name.replace(/ies$/, "y").replace(/(?<!s)s$/, "");
}

/** Inside backticks people write line ends as `\n`. */
function unescaped(text: string | undefined): string | undefined {
  return text?.replace(/\\n/g, "\n").replace(/\\t/g, "\t");
}

/** The JSON value that a text starts with; what follows it does not matter. */
function firstJson(text: string): Json | undefined {
  const literal = /^(?:-?\d+(?:\.\d+)?(?![\w.-]*\w)|true\b|false\b|null\b|"(?:[^"\\\n]|\\.)*")/.exec(text)?.[0];
  if (literal !== undefined) return parseJson(literal);
  const close = text.startsWith("[") ? "]" : "}";
  let tries = 0;
  for (let at = text.indexOf(close); at > 0 && tries < 20; at = text.indexOf(close, at + 1), tries += 1) {
    const parsed = parseJson(text.slice(0, at + 1));
    if (parsed !== undefined) return parsed;
  }
  return undefined;
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
