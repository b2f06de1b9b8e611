/**
 * Renders the Helm chart without Helm, which npm does not have: the part of Go's text/template and of Helm's functions that
 * the chart uses. Anything else in a template is an error here, so the chart stays within it.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";

type Value = unknown;
type Scope = { dot: Value; root: Value; variables: Map<string, Value> };
interface Block {
  kind: "block";
  word: "if" | "with" | "range";
  /** Without `code`: the `else`. */
  branches: { code: string | undefined; body: Node[] }[];
}
type Node =
  | { kind: "text"; text: string }
  | { kind: "put"; code: string }
  | { kind: "set"; name: string; code: string }
  | Block;

interface Chart {
  /** Bodies by the name of a `define`, and by the name of the file. */
  templates: Map<string, Node[]>;
}

const bare = new Set(["end", "else"]);

/** Rendered documents by the name of their file; throws what the chart's `fail` says. */
export function renderChart(folder: string, change: Record<string, Value> = {}): Map<string, string> {
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  const files = readdirSync(join(folder, "templates")).toSorted();
  const chart: Chart = { templates: new Map() };
  for (const file of files) chart.templates.set(file, parseTemplate(read(join("templates", file)), chart));
  const about = Object.entries(parse(read("Chart.yaml")) as Record<string, Value>);
  const root = {
    Values: merged(parse(read("values.yaml")) as Record<string, Value>, change),
    Chart: Object.fromEntries(about.map(([name, value]) => [name.charAt(0).toUpperCase() + name.slice(1), value])),
    Release: { Name: "demo", Service: "Helm", Namespace: "default" },
  };
  const out = new Map<string, string>();
  for (const file of files.filter((name) => !name.startsWith("_"))) {
    const text = write(chart.templates.get(file) ?? [], { dot: root, root, variables: new Map() }, chart);
    if (text.trim() !== "") out.set(file, text.trim());
  }
  return out;
}

function merged(base: Record<string, Value>, change: Record<string, Value>): Record<string, Value> {
  const out = { ...base };
  for (const [name, value] of Object.entries(change)) {
    const old = out[name];
    out[name] = isMap(old) && isMap(value) ? merged(old, value) : value;
  }
  return out;
}

function isMap(value: Value): value is Record<string, Value> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `{{-` and `-}}` take the white space beside them. */
function parseTemplate(source: string, chart: Chart): Node[] {
  const parts = source
    .replaceAll(/\s*\{\{- /g, "{{ ")
    .replaceAll(/ -\}\}\s*/g, " }}")
    .split(/\{\{(.*?)\}\}/s);
  const root: Node[] = [];
  const open: { body: Node[]; end: () => void; block?: Block }[] = [{ body: root, end: () => {} }];
  for (const [index, part] of parts.entries()) {
    const top = open.at(-1);
    if (top === undefined) throw new Error("an end too many");
    const [word, rest] = split(part.trim());
    if (index % 2 === 0) top.body.push({ kind: "text", text: part });
    else if (part.trim().startsWith("/*")) continue;
    else if (word === "define") {
      const body: Node[] = [];
      open.push({ body, end: () => chart.templates.set(JSON.parse(rest) as string, body) });
    } else if (word === "if" || word === "with" || word === "range") {
      const body: Node[] = [];
      const block: Block = { kind: "block", word, branches: [{ code: rest, body }] };
      top.body.push(block);
      open.push({ body, end: () => {}, block });
    } else if (word === "else") {
      if (top.block === undefined) throw new Error("else without if");
      const body: Node[] = [];
      const branch = { code: rest === "" ? undefined : rest.replace(/^if /, ""), body };
      top.block.branches.push(branch);
      top.body = body;
    } else if (word === "end") open.pop()?.end();
    else if (/^\$\w+$/.test(word) && rest.startsWith(":= "))
      top.body.push({ kind: "set", name: word, code: rest.slice(3) });
    else top.body.push({ kind: "put", code: part.trim() });
  }
  if (open.length !== 1) throw new Error("an end is missing");
  return root;
}

function split(code: string): [string, string] {
  const at = code.search(/\s/);
  return at < 0 ? [code, ""] : [code.slice(0, at), code.slice(at).trim()];
}

function write(nodes: readonly Node[], scope: Scope, chart: Chart): string {
  let out = "";
  for (const node of nodes) {
    if (node.kind === "text") out += node.text;
    else if (node.kind === "put") out += shown(evaluate(node.code, scope, chart));
    else if (node.kind === "set") scope.variables.set(node.name, evaluate(node.code, scope, chart));
    else out += writeBlock(node, scope, chart);
  }
  return out;
}

function writeBlock({ word, branches }: Block, scope: Scope, chart: Chart): string {
  for (const { code, body } of branches) {
    const value = code === undefined ? true : evaluate(code, scope, chart);
    if (!isTrue(value)) continue;
    if (word === "range") return (value as Value[]).map((dot) => write(body, { ...scope, dot }, chart)).join("");
    return write(body, word === "with" && code !== undefined ? { ...scope, dot: value } : scope, chart);
  }
  return "";
}

/** Empty texts, lists and maps are false, as in Go. */
function isTrue(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return isMap(value) ? Object.keys(value).length > 0 : Boolean(value);
}

function shown(value: Value): string {
  if (value === undefined || value === null) throw new Error("a template writes a value that is not there");
  if (isMap(value) || Array.isArray(value)) throw new Error("a template writes a map as it is");
  return String(value as string | number | boolean);
}

const indent = (spaces: Value, text: Value): string =>
  String(text as string).replaceAll(/^/gm, " ".repeat(spaces as number));

const functions: Record<string, (...given: Value[]) => Value> = {
  default: (other, value) => (isTrue(value) ? value : other),
  eq: (one, other) => one === other,
  gt: (one, other) => (one as number) > (other as number),
  and: (...all) => all.find((one) => !isTrue(one)) ?? all.at(-1),
  or: (...all) => all.find((one) => isTrue(one)) ?? all.at(-1),
  not: (value) => !isTrue(value),
  int: (value) => Math.trunc(Number(value)),
  quote: (value) => JSON.stringify(String(value as string)),
  printf: (form, ...given) => String(form as string).replaceAll("%s", () => shown(given.shift())),
  trunc: (length, text) => String(text as string).slice(0, length as number),
  trimSuffix: (end, text) => String(text as string).replace(new RegExp(`${end as string}$`), ""),
  nindent: (spaces, text) => `\n${indent(spaces, text)}`,
  indent,
  toYaml: (value) => stringify(value, { lineWidth: 0, sortMapEntries: true, version: "1.1" }).trimEnd(),
  sha256sum: (text) =>
    createHash("sha256")
      .update(String(text as string))
      .digest("hex"),
  fail: (text) => {
    throw new Error(String(text as string));
  },
};

/** One pipeline: the value of each part is the last argument of the next. */
function evaluate(code: string, scope: Scope, chart: Chart): Value {
  const tokens = code.match(/"(?:[^"\\]|\\.)*"|\(|\)|\||[^\s()|"]+/g) ?? [];
  const value = pipeline(tokens, scope, chart);
  if (tokens.length > 0) throw new Error(`cannot read: ${code}`);
  return value;
}

function pipeline(tokens: string[], scope: Scope, chart: Chart): Value {
  let value: Value;
  for (let first = true; first || tokens[0] === "|"; first = false) {
    if (!first) tokens.shift();
    const before = first ? [] : [value];
    const name = tokens[0] ?? "";
    if (!(name in functions) && name !== "include") value = operand(tokens, scope, chart);
    else {
      tokens.shift();
      const given: Value[] = [];
      while (tokens.length > 0 && tokens[0] !== "|" && tokens[0] !== ")") given.push(operand(tokens, scope, chart));
      given.push(...before);
      value = name === "include" ? included(given, chart) : functions[name]?.(...given);
    }
  }
  return value;
}

function included([name, dot]: Value[], chart: Chart): string {
  const body = chart.templates.get(name as string);
  if (body === undefined) throw new Error(`no template ${String(name as string)}`);
  return write(body, { dot, root: dot, variables: new Map() }, chart);
}

function operand(tokens: string[], scope: Scope, chart: Chart): Value {
  const token = tokens.shift() ?? "";
  if (token === "(") {
    const value = pipeline(tokens, scope, chart);
    if (tokens.shift() !== ")") throw new Error("a parenthesis is missing");
    return value;
  }
  if (token.startsWith('"')) return JSON.parse(token);
  if (/^\d+$/.test(token)) return Number(token);
  if (token === ".") return scope.dot;
  if (token.startsWith("$") && !token.startsWith("$.")) {
    if (!scope.variables.has(token)) throw new Error(`no variable ${token}`);
    return scope.variables.get(token);
  }
  if (!/^\$?(?:\.\w+)+$/.test(token) || bare.has(token)) throw new Error(`cannot read: ${token}`);
  const start = token.startsWith("$") ? scope.root : scope.dot;
  return token
    .replace(/^\$?\./, "")
    .split(".")
    .reduce((value: Value, name) => (isMap(value) ? value[name] : undefined), start);
}
