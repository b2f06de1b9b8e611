/** One object as JSON in one line, or as a small table of names and values. */
export function show(record: Record<string, unknown>, json: boolean): void {
  if (json) console.log(JSON.stringify(record));
  else for (const [name, value] of Object.entries(record)) console.log(`${name.padEnd(14)} ${cellText(value)}`);
}

/** Rows as a JSON list in one line, or as a table; `empty` is shown where there are none. */
export function showList(rows: readonly Record<string, unknown>[], json: boolean, empty: string): void {
  if (json) console.log(JSON.stringify(rows));
  else
    console.log(rows.length === 0 ? empty : tableText(rows, process.stdout.isTTY ? process.stdout.columns : undefined));
}

/** Between two columns. */
const gap = "  ";
/** A column is not made narrower than this. */
const minColumn = 8;

/**
 * Rows as lines of text under the names of their columns; columns in which no row has a value are left out. With a `width`,
 * in characters of a terminal, long cells are truncated so that a line fits; without one they are whole.
 */
export function tableText(rows: readonly Record<string, unknown>[], width: number | undefined): string {
  const names = Object.keys(rows[0] ?? {}).filter((name) => rows.some((row) => cellText(row[name]) !== "-"));
  const cells = rows.map((row) => names.map((name) => cellText(row[name])));
  const heads = names.map(headText);
  const widths = heads.map((head, at) => Math.max(...[head, ...cells.map((row) => row[at] ?? "")].map(displayWidth)));
  if (width !== undefined) narrow(widths, width - gap.length * (names.length - 1));
  const isNumber = names.map((name) => rows.every((row) => typeof row[name] === "number"));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) =>
        padded(truncated(cell, widths[at] ?? 0), { width: widths[at] ?? 0, right: isNumber[at] === true }),
      )
      .join(gap)
      .trimEnd();
  return [heads, ...cells].map(line).join("\n");
}

/** Takes characters from the widest column, again and again, until all fit in `room`. */
function narrow(widths: number[], room: number): void {
  for (let over = widths.reduce((sum, one) => sum + one, 0) - room; over > 0; over -= 1) {
    const widest = widths.indexOf(Math.max(...widths));
    const before = widths[widest] ?? 0;
    if (before <= minColumn) return;
    widths[widest] = before - 1;
  }
}

function padded(text: string, { width, right }: { width: number; right: boolean }): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  return right ? space + text : text + space;
}

function truncated(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = "";
  for (const character of text) {
    if (displayWidth(kept + character) > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** Columns that a terminal needs for it. */
function displayWidth(text: string): number {
  let columns = 0;
  for (const character of text) columns += wide.test(character) ? 2 : /\p{Mark}/u.test(character) ? 0 : 1;
  return columns;
}

/** `lastUsedAt` as `last used at`. */
const headText = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const isoTime = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}):\d{2}(?:\.\d+)?Z$/;

/** One value for people: times to the minute (UTC), nothing as `-`, control characters as spaces. */
function cellText(value: unknown): string {
  if (value === null || value === undefined || value === "") return "-";
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.map(cellText).join(", ");
  if (typeof value === "object" && Object.keys(value).length === 0) return "-";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replace(isoTime, "$1 $2").replaceAll(/\p{Control}/gu, " ");
}
