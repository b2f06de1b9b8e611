/** Finds what a message asks to have said back. Rows of data, tried in order; the rest is cutting out the words. */

interface EchoCommand {
  pattern: RegExp;
  /** A colon later in the line marks where the words start, whatever stands between. */
  farColon: boolean;
  /** Words without quotes may be taken. Where a command often means something else, they may not. */
  bare: boolean;
}

const commands: readonly EchoCommand[] = [
  {
    pattern:
      /\b(?:only|just|simply|always)\s+(?:reply|respond|answer|output|say|return|print|write)\b(?:\s+(?:only|just))?/i,
    farColon: true,
    bare: true,
  },
  {
    pattern:
      /\b(?:reply|respond|answer|output|say|return|print|write)\s+(?:with\s+)?(?:only|just|exactly|precisely|nothing but)\b/i,
    farColon: true,
    bare: true,
  },
  { pattern: /\b(?:repeat|echo)\b/i, farColon: true, bare: true },
  {
    pattern:
      /(?:^|[.!?,:;]\s*|\n|\bplease\s+|\bthen\s+|\bnow\s+|\bjust\s+|\bcan you\s+|\bcould you\s+)(?:say|output|print)\b/i,
    farColon: false,
    bare: true,
  },
  { pattern: /\b(?:reply|respond|answer|say|output)\b(?=\s+(?:with\s+)?\S+\s+only\b)/i, farColon: false, bare: true },
  {
    pattern:
      /\b(?:reply|respond|answer)\s+with\s+the\s+(?:(?:exact|single|one)\s+)*(?:word|phrase|text|token|letter)\b/i,
    farColon: false,
    bare: true,
  },
  {
    pattern: /\b(?:[Rr]eply|[Rr]espond|[Aa]nswer)(?:\s+with)?(?=\s+[A-Z][A-Z\d_-]*[.!]?\s*$)/,
    farColon: false,
    bare: true,
  },
  { pattern: /\b(?:reply|respond|answer)\s+with\b/i, farColon: false, bare: false },
  { pattern: /(?:只|仅)(?:需要|需|要|能|可以|可|用|准)?(?:输出|回复|回答|返回|说|写)/, farColon: true, bare: true },
  { pattern: /(?:总是|始终|永远|一律|必须)(?:只)?(?:输出|回复|回答|说)/, farColon: true, bare: false },
  { pattern: /重复|复述|原样(?:输出|返回|回复)/, farColon: true, bare: true },
  { pattern: /(?:请|跟我|对我)说(?!明)|(?:^|请)(?:输出|回复)/, farColon: false, bare: true },
];

const nouns =
  "word|words|text|string|token|phrase|sentence|sentences|message|line|lines|emoji|emojis|character|characters|sequence|letters?|number|content|paragraph|json|code";
/** Words between the command and what is to be said. */
const filler = new RegExp(
  `^(?:\\s*(?:with|after me|back(?: to me)?|me|exactly|verbatim|only|just|precisely|out loud|once)\\b)*` +
    `(?:\\s*(?:(?:the|this|these|that|a single|one|a)\\s+)?(?:(?:following|exact|single|literal|one)\\s+)*(?:${nouns})\\b|\\s*(?:the\\s+)?following\\b|\\s*this(?=\\s*[:：]))?` +
    `(?:\\s*(?:exactly|verbatim|only|back to me)\\b)*\\s*`,
  "i",
);
const chineseFiller =
  /^(?:一遍|一次|一下|以下|下面|下列|如下|这|那|我|给我|的|个|句|段|些|话|文字|文本|内容|单词|词语|词|字符串|字|句子|出|来|为|成|了)*\s*/;

const quotes: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  "`": "`",
  "“": "”",
  "‘": "’",
  "「": "」",
  "『": "』",
  "«": "»",
};

/** Beginnings that show that no words to say follow: "say something about", "answer in French", "repeat that". */
const notWords =
  /^(?:something|anything|what|why|how|who|when|where|if|whether|more|that|it|yourself|your|in|as|using|based|once|after|before|to|about|again|a|an|the|any|all|no|valid|json|one|short|brief)(?![\p{L}\p{N}])/iu;
const chineseNotWords =
  /^(?:用|以|你|它|他|自己|关于|一个|一句|一段|什么|名字|答案|结果|数字|代码|正文|要点|最终|合法|有效|是或否|是否)/;

/** "the code word", "a JSON object": a noun before a noun says what is wanted and is not itself to be said. */
const compound = new RegExp(`\\b(?:${nouns})\\s+$`, "i");
const kind =
  /^(?:word|phrase|object|array|list|block|value|string|text|document|name|format|number)s?\s*(?:$|[.!,;\n])/i;

export interface EchoOptions {
  /** For standing instructions: words without quotes must be a single word. */
  strict: boolean;
}

/** The exact text asked for, or `undefined` where the message asks for something else. */
export function wantedEcho(text: string, options: EchoOptions = { strict: false }): string | undefined {
  if (text.length <= headLength + tailLength) return searched(text, 0, options);
  return searched(text, 0, options) ?? searched(text, text.length - tailLength, options);
}

/** A command stands at the start of a long text, or at its end. UTF-16 units. */
const headLength = 2_000;
const tailLength = 500;

/** What turns a command around: "do not just say". */
const refused = /(?:n't|not|never|without|不要|不能|不可|不得|别|无需|不用|不)\s*$/i;

/** Before an `echo` that is meant for a shell: "run echo ok". */
const shellWord =
  /\b(?:run|execute|exec|command|shell|bash|terminal)\b[^.。\n]{0,30}$|(?:运行|执行|命令)[^。\n]{0,20}$/i;

/** Whether the command word stands in code or is meant for a shell. */
function isCode(before: string): boolean {
  const line = before.slice(before.lastIndexOf("\n") + 1);
  return (line.split("`").length - 1) % 2 === 1 || shellWord.test(line.slice(-60));
}

function searched(text: string, from: number, options: EchoOptions): string | undefined {
  const window = text.slice(from, from + headLength + tailLength);
  for (const command of commands) {
    const match = command.pattern.exec(window);
    if (match === null || refused.test(window.slice(Math.max(0, match.index - 12), match.index))) continue;
    if (isCode(window.slice(0, match.index))) continue;
    const found = cut(text.slice(from + match.index + match[0].length), command, options);
    if (found !== undefined && found !== "") return found;
  }
  return undefined;
}

function cut(rest: string, command: EchoCommand, options: EchoOptions): string | undefined {
  const start = rest.replace(filler, "").replace(chineseFiller, "");
  const named = compound.test(rest.slice(0, rest.length - start.length)) && kind.test(start);
  const other = named || notWords.test(start) || chineseNotWords.test(start);
  const colon = other ? undefined : afterColon(start, command.farColon);
  const words = (colon ?? start).trim();
  const marked = fenced(words) ?? quoted(words, colon !== undefined) ?? bracketed(words, colon !== undefined);
  if (marked !== undefined) return repeated(marked.text, marked.after);
  if (colon !== undefined) return options.strict ? singleWord(words) : words;
  if (other || !command.bare || /^[,，;；.。]/.test(words)) return undefined;
  if (options.strict) return singleWord(words);
  return bare(words);
}

/** What follows a colon that comes before any mark of quoted words; a far one may be up to 120 units away. */
function afterColon(text: string, far: boolean): string | undefined {
  const match = /^([^:："'“‘「『`[{\n]{0,120})[:：]\s*/.exec(text);
  if (match === null || (!far && (match[1] ?? "").trim() !== "")) return undefined;
  // A colon inside a link or a time is none.
  const tail = text.slice(match[0].length);
  const inside = /[:：]$/.test(match[0]) && (tail.startsWith("//") || (/\d$/.test(match[1] ?? "") && /^\d/.test(tail)));
  return inside ? undefined : tail;
}

interface Marked {
  text: string;
  after: string;
}

function fenced(words: string): Marked | undefined {
  const match = /^```[^\n]*\n([\s\S]*?)\n?```/.exec(words);
  return match === null ? undefined : { text: match[1] ?? "", after: words.slice(match[0].length) };
}

/** After a colon only wholly quoted words are unwrapped: the rest may hold quotes of its own. */
function quoted(words: string, whole: boolean): Marked | undefined {
  const open = words[0] ?? "";
  const close = quotes[open];
  if (close === undefined) return undefined;
  const end = /^[.。!！]?$/.test(words.slice(words.lastIndexOf(close) + 1))
    ? words.lastIndexOf(close)
    : closing(words, close);
  if (
    end <= 0 ||
    (whole && !/^[.。!！]?\s*$|^\s*(?:\d+\s*(?:times|[遍次])|and (?:nothing|only|no|do)\b)/.test(words.slice(end + 1)))
  )
    return undefined;
  return { text: words.slice(1, end), after: words.slice(end + 1) };
}

/** The first closing mark that is no apostrophe. */
function closing(words: string, close: string): number {
  for (let at = words.indexOf(close, 1); at > 0; at = words.indexOf(close, at + 1)) {
    if (close !== "'" || !/^\w/.test(words.slice(at + 1))) return at;
  }
  return -1;
}

function bracketed(words: string, whole: boolean): Marked | undefined {
  const match = /^\[[\p{L}\p{N}_ -]{1,60}\](?![\p{L}(])/u.exec(words) ?? /^\[[A-Z_]{1,60}\]/.exec(words);
  if (match === null || (whole && words.length > match[0].length + 1)) return undefined;
  return { text: match[0], after: words.slice(match[0].length) };
}

function singleWord(words: string): string | undefined {
  const match =
    /^(?:the\s+)?([^\s,.;!?，。；！？]{1,40})[.。!！]?(?=$|\n|\s+(?:and nothing|no matter|regardless|to every|for every))/.exec(
      words,
    );
  return match?.[1];
}

function bare(words: string): string | undefined {
  const line = words.split("\n", 1)[0] ?? "";
  if (/[?？]$/.test(line)) return undefined;
  if (line.length > headLength) return words;
  const said = line
    .replace(
      /[,，]?\s*(?:and nothing else|and no other text|nothing else|without anything else|please|only|alone)[.!。]?$/i,
      "",
    )
    .replace(/(?<![.。])[.。]$/, "");
  if (/^yes\s+or\s+no\b/i.test(said)) return "yes";
  const times = /^(.*?)\s*(\d+)\s*(?:times|[遍次])/.exec(said);
  return times === null ? said : repeated(times[1] ?? "", said.slice((times[1] ?? "").length));
}

/** Longest text that asking for repetitions can make, in UTF-16 units. */
const longestRepeat = 1_000_000;

/** "hello" 3 times: the text as often as asked, apart by what is asked. */
function repeated(text: string, after: string): string {
  const match = /^\s*[,，]?\s*(\d+)\s*(?:times|[遍次])/.exec(after);
  if (match === null) return text;
  const apart = /comma|逗号/.test(after) ? ", " : /newline|new line|换行|per line/.test(after) ? "\n" : " ";
  const most = Math.max(1, Math.floor(longestRepeat / (text.length + apart.length)));
  return Array.from({ length: Math.min(Number(match[1]), most) }, () => text).join(apart);
}
