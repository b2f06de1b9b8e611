import { readFileSync } from "node:fs";
import { foldWord, type Word } from "./automaton.ts";
import { FoldTable } from "./fold.ts";
import { categoryNames, categoryOf, type Category, type Severity } from "./finding.ts";

/** One file of words as the settings name it. */
export interface WordFile {
  path: string;
  /** Of words before the first heading. */
  category?: string;
  /** Of all words whose heading names none; default what the category has. */
  severity?: Severity;
}

/** What each category weighs where neither the file nor a heading says it; by name or number. */
export type CategorySeverities = Readonly<Record<string, Severity>>;

/** A file or a line in it cannot be used; says which and why. */
export class WordFileError extends Error {
  override readonly name = "WordFileError";
}

/** Folded UTF-16 units; it bounds how much of an answer may be held back. */
const longestWord = 200;
const allowed = `1 to 7 or ${categoryNames.join(", ")}`;

/** All words of the files. Throws `WordFileError`. */
export function readWordFiles(files: readonly WordFile[], severities: CategorySeverities): Word[] {
  return files.flatMap((file) => parseWordFile(readText(file.path), file, severities));
}

/**
 * One word or phrase a line. `#` begins a comment line, `[2]`, `[porn]` or `[porn severe]` a heading for the lines below
 * it. Throws `WordFileError` naming file and line.
 */
export function parseWordFile(source: string, file: WordFile, severities: CategorySeverities = {}): Word[] {
  const words: Word[] = [];
  const weights = weigh(severities);
  const table = new FoldTable();
  let category = file.category === undefined ? undefined : categoryOf(file.category);
  let severity = file.severity;
  if (file.category !== undefined && category === undefined) throw unknownCategory(file.path, file.category);
  for (const [index, raw] of source.split(/\r\n|\n|\r/).entries()) {
    const line = raw.trim();
    const place = `${file.path}:${index + 1}`;
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("[") && line.endsWith("]")) {
      ({ category, severity = file.severity } = heading(line, place));
      continue;
    }
    if (category === undefined) {
      throw new WordFileError(
        `${place}: a word without a category; put a heading such as [2] above it or set it for the file`,
      );
    }
    words.push({ text: checked(line, place, table), category, severity: severity ?? weights[category - 1] ?? "mild" });
  }
  if (words.length === 0) throw new WordFileError(`${file.path}: no words in it`);
  return words;
}

/** By category; `severe` violations are refused, the other kinds mark the answer. */
function weigh(severities: CategorySeverities): Severity[] {
  const weights = categoryNames.map((name): Severity => (name === "severe" ? "severe" : "mild"));
  for (const [name, severity] of Object.entries(severities)) {
    const category = categoryOf(name);
    if (category === undefined) throw unknownCategory("severity", name);
    weights[category - 1] = severity;
  }
  return weights;
}

function heading(line: string, place: string): { category: Category; severity?: Severity } {
  const [name = "", severity, ...more] = line.slice(1, -1).trim().toLowerCase().split(/\s+/);
  const category = categoryOf(name);
  if (category === undefined) throw unknownCategory(place, name);
  if (severity === undefined) return { category };
  if (more.length > 0 || (severity !== "mild" && severity !== "severe")) {
    throw new WordFileError(
      `${place}: found ${JSON.stringify(line)}; after the category only mild or severe may stand`,
    );
  }
  return { category, severity };
}

function checked(line: string, place: string, table: FoldTable): string {
  const { length } = foldWord(line, table);
  if (length === 0) throw new WordFileError(`${place}: nothing of this word can be seen`);
  if (length > longestWord) throw new WordFileError(`${place}: ${length} characters, at most ${longestWord}`);
  return line;
}

function unknownCategory(place: string, name: string): WordFileError {
  return new WordFileError(`${place}: unknown category ${JSON.stringify(name)}; allowed are ${allowed}`);
}

function readText(path: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new WordFileError(`${path}: cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new WordFileError(`${path}: not UTF-8 text`);
  }
}
