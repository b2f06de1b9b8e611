/** The words of a text as a set to compare with: Latin words without the empty ones, Han characters in pairs. */
export function wordsOf(text: string): Set<string> {
  const words = new Set<string>();
  for (const [word] of text
    .slice(0, 4_000)
    .toLowerCase()
    .matchAll(/[\p{L}\p{N}]+/gu)) {
    if (/\p{Script=Han}/u.test(word)) for (let at = 0; at + 1 < word.length; at += 1) words.add(word.slice(at, at + 2));
    else if (!emptyWords.has(word) && word.length > 1) words.add(stem(word));
  }
  return words;
}

const emptyWords = new Set(
  (
    "a an and are as at be by can could do does for from get give has have how i in is it its me my of on or please tell " +
    "that the this to use using was what when where which who will with would you your tool function call both also then"
  ).split(" "),
);

function stem(word: string): string {
  return word.replace(/(?<=\w{3})(?:ing|ed|es|s)$/, "");
}

/** Share of words two texts have in common, 0 to 1 (Dice). */
export function likeness(first: string, second: string): number {
  const [left, right] = [wordsOf(first), wordsOf(second)];
  const all = left.size + right.size;
  return all === 0 ? 0 : (2 * left.intersection(right).size) / all;
}

const properName = String.raw`\p{Lu}[\p{L}'.-]*(?:\s+\p{Lu}[\p{L}'.-]*)*`;
const joined = new RegExp(
  String.raw`${properName}(?:\s*,\s*(?:in\s+|for\s+)?${properName})*\s*,?\s*(?:and|&|plus|as well as)\s+(?:also\s+)?(?:in\s+|for\s+|of\s+|at\s+)?${properName}`,
  "u",
);
const separator =
  /\s*,\s*(?:and\s+)?(?:in\s+|for\s+)?|\s*(?:\band|&|\bplus|\bas well as)\s+(?:also\s+)?(?:in\s+|for\s+|of\s+|at\s+)?/;
const chineseJoined = /[\p{Script=Han}]{2,}(?:(?:和|与|跟|以及|还有|、)[\p{Script=Han}]{2,})+/u;
const chineseSeparator = /和|与|跟|以及|还有|、/;
const chineseLead =
  /^(?:请问|请|帮我|帮忙|我想|想|知道|同时|分别|告诉我|查询|查一下|查查|查看|查|看看|看一下|对比|比较|获取|搜索|一下|今天|明天|现在)+/;
const chineseTail = /(?:的|今天|今日|明天|现在|当前|目前|天气|气温|温度|时间|两个|两地|分别).*$/;

/**
 * The several things a message asks for alike: quoted texts that stand side by side, or names joined by "and". Fewer
 * than two where it names none or one.
 */
export function subjectsOf(text: string, quoted: readonly string[]): string[] {
  const head = text.slice(0, 2_000);
  if (quoted.length > 1 && sideBySide(head, quoted)) return [...quoted];
  const names = joined.exec(head);
  if (names !== null) return namesOf(names[0], names.index === 0 || /[.!?]\s+$/.test(head.slice(0, names.index)));
  const run = chineseJoined.exec(head)?.[0];
  if (run === undefined) return [];
  const found = run.split(chineseSeparator).map((part) => part.replace(chineseLead, "").replace(chineseTail, ""));
  return found.every((part) => part.length >= 2 && part.length <= 8) ? found : [];
}

/** At the start of a sentence the first capital says nothing: "Compare Paris and London". */
function namesOf(run: string, startsSentence: boolean): string[] {
  const names = run.split(separator).map((name) => name.trim().replace(/[.'-]+$/, ""));
  const [first = "", ...others] = names;
  const kept = startsSentence && /\s/.test(first) ? first.replace(/^\S+\s+/, "") : first;
  return [kept, ...others].filter((name) => name !== "");
}

function sideBySide(text: string, quoted: readonly string[]): boolean {
  let from = text.indexOf(quoted[0] ?? "") + (quoted[0]?.length ?? 0);
  for (const next of quoted.slice(1)) {
    const at = text.indexOf(next, from);
    if (
      at < 0 ||
      !/^["'”’」』]\s*(?:,|、|，)?\s*(?:and|&|和|与|以及|跟|还有)?\s*["'“‘「『]$/.test(text.slice(from, at))
    )
      return false;
    from = at + next.length;
  }
  return true;
}
