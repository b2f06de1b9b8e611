/**
 * Refuses private idiom in the comments and strings of src/ (the words and their replacements: CONTRIBUTING.md), and in the
 * pages for users.
 * A folder may hold as many as tools/word-baseline.json allows; `node tools/check-words.ts --write` lowers the numbers.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";

interface Finding {
  /** The folder directly in src/, or the file there. */
  folder: string;
  place: string;
  word: string;
}

const root = new URL("../", import.meta.url);
const baselineFile = new URL("word-baseline.json", import.meta.url);
const commentOrString = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;

/** Words that stand for a standard one, or for nothing that a reader could look up. */
const idiom =
  /\b(?:told|tells?|telling|hears?|heard|said|thoughts?|word of|gives? word|good-bye|so many|to be had|for ever|nobody|whoever|so and so|seed \d{3}|spec sheet)\b/gi;

/** Every idiom in the comments and strings of one file. */
function findIdiom(path: string, text: string): Finding[] {
  return [...text.matchAll(commentOrString)].flatMap((span) =>
    [...span[0].matchAll(idiom)].map((match) => ({
      folder: path.split("/")[1] ?? path,
      place: `${path}:${text.slice(0, span.index + match.index).split("\n").length}`,
      word: match[0],
    })),
  );
}

function findAll(): Finding[] {
  const paths = globSync("src/**/*.ts", { cwd: root }).map((path) => path.replaceAll("\\", "/"));
  const pages = ["README.md", ...globSync("docs/*.md", { cwd: root })].map((path) => path.replaceAll("\\", "/"));
  return [
    ...paths.toSorted().flatMap((path) => findIdiom(path, readFileSync(new URL(path, root), "utf8"))),
    ...pages.toSorted().flatMap(findInPage),
  ];
}

/** Every idiom in a page; code and what stands in a column of words to be avoided are not read. */
function findInPage(path: string): Finding[] {
  const text = readFileSync(new URL(path, root), "utf8").replaceAll(/```[^]*?```|`[^`\n]*`/g, (code) =>
    code.replaceAll(/[^\n]/g, " "),
  );
  const found = [...text.matchAll(idiom)].filter(([word]) => word.toLowerCase() !== "nobody");
  return found.map((match) => ({
    folder: "pages",
    place: `${path}:${text.slice(0, match.index).split("\n").length}`,
    word: match[0],
  }));
}

function countByFolder(findings: readonly Finding[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { folder } of findings) counts[folder] = (counts[folder] ?? 0) + 1;
  return counts;
}

function main(): void {
  const findings = findAll();
  const counts = countByFolder(findings);
  const baseline = JSON.parse(readFileSync(baselineFile, "utf8")) as Record<string, number>;
  if (process.argv.includes("--write")) {
    const folders = Object.keys({ ...baseline, ...counts }).toSorted();
    const lowered = folders.map((folder): [string, number] => [
      folder,
      Math.min(counts[folder] ?? 0, baseline[folder] ?? 0),
    ]);
    writeFileSync(baselineFile, `${JSON.stringify(Object.fromEntries(lowered.filter(([, n]) => n > 0)), null, 2)}\n`);
    return;
  }
  for (const [folder, count] of Object.entries(counts)) {
    const allowed = baseline[folder] ?? 0;
    if (count <= allowed) continue;
    process.exitCode = 1;
    process.stdout.write(`src/${folder}: ${count} words of private idiom, at most ${allowed} (see CONTRIBUTING.md)\n`);
    for (const { place, word } of findings.filter((one) => one.folder === folder))
      process.stdout.write(`  ${place} "${word}"\n`);
  }
}

if (import.meta.main) main();
