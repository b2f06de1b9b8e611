import { readFileSync } from "node:fs";
import { normalizeWord, type Word } from "./automaton.ts";
import { NormalTable } from "./normalize.ts";
import { categoryNames, categoryOf, type Category, type Severity } from "./finding.ts";

/** One file of words as the settings name it. */
export interface WordFile {
  path: string;
  /** Category of words before the first heading. */
  category?: string;
  /** Severity of words whose heading names none; default that of the category. */
  severity?: Severity;
}

/** Severity of each category where neither the file nor a heading names one; by name or number. */
export type CategorySeverities = Readonly<Record<string, Severity>>;

/** A file or a line in it cannot be used; the message names it and the reason. */
export class WordFileError extends Error {
  override readonly name = "WordFileError";
}

/** UTF-16 units of a normalized word; it bounds how much of an answer may be held back. */
const maxWordUnits = 200;
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
  const defaults = severityDefaults(severities);
  const table = new NormalTable();
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
    words.push({ text: checked(line, place, table), category, severity: severity ?? defaults[category - 1] ?? "mild" });
  }
  if (words.length === 0) throw new WordFileError(`${file.path}: no words in it`);
  return words;
}

/** In the order of `categoryNames`: the category `severe` is severe, the others are mild unless the settings say more. */
function severityDefaults(severities: CategorySeverities): Severity[] {
  const defaults = categoryNames.map((name): Severity => (name === "severe" ? "severe" : "mild"));
  for (const [name, severity] of Object.entries(severities)) {
    const category = categoryOf(name);
    if (category === undefined) throw unknownCategory("severity", name);
    defaults[category - 1] = severity;
  }
  return defaults;
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

function checked(line: string, place: string, table: NormalTable): string {
  const { length } = normalizeWord(line, table);
  if (length === 0) throw new WordFileError(`${place}: nothing of this word can be seen`);
  if (length > maxWordUnits) throw new WordFileError(`${place}: ${length} characters, at most ${maxWordUnits}`);
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
