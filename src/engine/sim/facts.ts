/** The little that the simulator knows of the world, so that the first thing people try gets a right answer. */

interface FactRow {
  /** What the matter is called, in the languages people ask in. */
  names: RegExp;
  english: string;
  chinese: string;
}

const capitals: readonly FactRow[] = [
  { names: /\bfrance\b|法国/i, english: "Paris", chinese: "巴黎" },
  { names: /\bgermany\b|德国/i, english: "Berlin", chinese: "柏林" },
  { names: /\bitaly\b|意大利/i, english: "Rome", chinese: "罗马" },
  { names: /\bspain\b|西班牙/i, english: "Madrid", chinese: "马德里" },
  { names: /\bchina\b|中国/i, english: "Beijing", chinese: "北京" },
  { names: /\bjapan\b|日本/i, english: "Tokyo", chinese: "东京" },
  { names: /\b(?:united kingdom|england|uk)\b|英国/i, english: "London", chinese: "伦敦" },
  { names: /\b(?:united states|usa|us)\b|美国/i, english: "Washington, D.C.", chinese: "华盛顿" },
  { names: /\brussia\b|俄罗斯/i, english: "Moscow", chinese: "莫斯科" },
  { names: /\bindia\b|印度/i, english: "New Delhi", chinese: "新德里" },
  { names: /\bcanada\b|加拿大/i, english: "Ottawa", chinese: "渥太华" },
  { names: /\baustralia\b|澳大利亚/i, english: "Canberra", chinese: "堪培拉" },
  { names: /\bbrazil\b|巴西/i, english: "Brasília", chinese: "巴西利亚" },
  { names: /\begypt\b|埃及/i, english: "Cairo", chinese: "开罗" },
];

const heroes: readonly FactRow[] = [
  { names: /journey to the west|西游记|西遊記/i, english: "Sun Wukong", chinese: "孙悟空" },
  { names: /dream of the red chamber|红楼梦/i, english: "Jia Baoyu", chinese: "贾宝玉" },
  { names: /water margin|水浒传/i, english: "Song Jiang", chinese: "宋江" },
  { names: /don quixote|堂吉诃德/i, english: "Don Quixote", chinese: "堂吉诃德" },
  { names: /moby[- ]dick|白鲸/i, english: "Ishmael", chinese: "以实玛利" },
];

const questions: readonly { asks: RegExp; rows: readonly FactRow[] }[] = [
  { asks: /\bcapital(?: city)? of\b|首都/i, rows: capitals },
  { asks: /\b(?:hero|protagonist|main character)\b|主角|主人公/i, rows: heroes },
];

/** The answer to a question of fact, as short as it can be; `undefined` where the matter is not known. */
export function knownFact(asked: string, speaksChinese: boolean): string | undefined {
  if (asked.length > 400) return undefined;
  for (const { asks, rows } of questions) {
    const row = asks.test(asked) ? rows.find(({ names }) => names.test(asked)) : undefined;
    if (row !== undefined) return speaksChinese ? `${row.chinese}。` : `${row.english}.`;
  }
  return undefined;
}
