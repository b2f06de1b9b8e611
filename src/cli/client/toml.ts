import { invalid } from "../../model/error.ts";
import { isObject, type JsonObject } from "../../model/json.ts";

type Scalar = string | number | boolean;
/** Values by their key, of one table; `""` is the top of the file. */
type Tables = Map<string, Map<string, Scalar>>;

/** One `key = value` or `[table]` of a TOML text, by its lines. */
interface Statement {
  table: string;
  /** Absent for the line of a table. */
  key?: string;
  first: number;
  last: number;
}

/** Texts, numbers and switches in tables, as TOML. */
export function tomlText(content: JsonObject): string {
  const parts = [...tablesOf(content)].map(([table, values]) => [...head(table), ...lines(values)].join("\n"));
  return `${parts.join("\n\n")}\n`;
}

/**
 * The text with these values in it. Their own lines are replaced, missing ones are added, all others stay as they are,
 * comments included. Throws `invalid` where a table of ours is written in another form (dotted keys, inline tables).
 */
export function mergeToml(before: string, content: JsonObject): string {
  const rows = before.replace(/\n+$/, "").split(/\r?\n/);
  const statements = statementsOf(rows);
  const tables = tablesOf(content);
  checkForms(statements, [...tables.keys()]);
  const edits = [...tables].flatMap(([table, values]) => editsOf(statements, { table, values }));
  // from the end, so that the line numbers before stay right
  for (const { at, remove, add } of edits.toReversed().toSorted((one, other) => other.at - one.at))
    rows.splice(at, remove, ...(at >= rows.length && rows.length > 0 && add[0]?.startsWith("[") ? ["", ...add] : add));
  return `${rows.join("\n").replace(/^\n+/, "")}\n`;
}

/** Our tables have to be written as `[table]` and `key = value`. */
function checkForms(statements: readonly Statement[], tables: readonly string[]): void {
  for (const { table, key, first } of statements) {
    const full = table === "" ? key : `${table}.${key}`;
    const clash = tables.some(
      (ours) => ours !== table && (`${full}.`.startsWith(`${ours}.`) || ours.startsWith(`${full}.`)),
    );
    if (key !== undefined && clash)
      throw invalid(
        "",
        `line ${first + 1} of config.toml is in a form that is not changed here: add the lines by hand`,
      );
  }
}

interface Edit {
  /** The line before which it is. */
  at: number;
  /** Lines taken away. */
  remove: number;
  add: string[];
}

function editsOf(
  statements: readonly Statement[],
  { table, values }: { table: string; values: ReadonlyMap<string, Scalar> },
): Edit[] {
  const own = statements.filter((one) => one.table === table);
  const missing = new Map([...values].filter(([key]) => !own.some((one) => one.key === key)));
  const replaced = own.flatMap(({ key, first, last }) => {
    const value = key === undefined ? undefined : values.get(key);
    return key === undefined || value === undefined
      ? []
      : [{ at: first, remove: last - first + 1, add: lines(new Map([[key, value]])) }];
  });
  if (missing.size === 0) return replaced;
  const end = own.at(-1);
  if (end !== undefined) return [...replaced, { at: end.last + 1, remove: 0, add: lines(missing) }];
  if (table !== "") return [...replaced, { at: Infinity, remove: 0, add: [...head(table), ...lines(missing)] }];
  return [{ at: 0, remove: 0, add: statements.length === 0 ? lines(missing) : [...lines(missing), ""] }];
}

function tablesOf(content: JsonObject, table = "", found: Tables = new Map()): Tables {
  for (const [key, value] of Object.entries(content)) {
    if (isObject(value)) tablesOf(value as JsonObject, table === "" ? key : `${table}.${key}`, found);
    else found.set(table, (found.get(table) ?? new Map<string, Scalar>()).set(key, value as Scalar));
  }
  return found;
}

const head = (table: string): string[] => (table === "" ? [] : [`[${table}]`]);
const lines = (values: ReadonlyMap<string, Scalar>): string[] =>
  [...values].map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
/** Names without quotation marks and spaces: `a . "b"` is `a.b`. */
const plain = (key: string): string => key.replaceAll(/["'\s]/g, "");

/** Finds every statement; values may go over several lines. */
function statementsOf(rows: readonly string[]): Statement[] {
  const found: Statement[] = [];
  let table = "";
  for (let first = 0; first < rows.length; first += 1) {
    const row = rows[first] ?? "";
    const header = /^\s*\[\[?([^\]]+)\]/.exec(row)?.[1];
    const key = /^\s*([\w."'\s-]+?)\s*=/.exec(row)?.[1];
    if (header !== undefined) found.push({ table: (table = plain(header)), first, last: first });
    else if (key !== undefined) {
      const last = endOfValue(rows, first);
      found.push({ table, key: plain(key), first, last });
      first = last;
    }
  }
  return found;
}

/** Strings of all four forms, long ones that do not end, comments, brackets. */
const token = /"""(?:\\[\s\S]|[^\\])*?"""|'''[\s\S]*?'''|"""|'''|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*|[[\]{}]/g;

/** The line on which the value that begins in this line ends: where its brackets and long strings are closed. */
function endOfValue(rows: readonly string[], first: number): number {
  for (let last = first; last < rows.length; last += 1) {
    const text = rows.slice(first, last + 1).join("\n");
    const tokens = text.slice(text.indexOf("=") + 1).match(token) ?? [];
    const depth = tokens.reduce((sum, one) => sum + (/^[[{]$/.test(one) ? 1 : /^[\]}]$/.test(one) ? -1 : 0), 0);
    if (depth <= 0 && !tokens.some((one) => one === '"""' || one === "'''")) return last;
  }
  throw invalid("", `config.toml: the value of line ${first + 1} does not end: add the lines by hand`);
}
