/** Writes docs/limits.md from its rows, the schema and the sources: `node tools/limits-doc.ts`. A test holds the page against them. */
import { readFileSync, writeFileSync } from "node:fs";
import { settingList, type Setting } from "./config-doc.ts";
import { limitSections, type Bound } from "./limit-row.ts";

/** The page: one row a bound, its default, where it is set, and what a caller gets at it. */
export function limitsPage(): string {
  const settings = new Map(settingList().map((setting) => [setting.name, setting]));
  return [
    "# Limits",
    "",
    "Every bound of the server: its default, the setting that changes it ([config.md](config.md); *fixed*: none), and what",
    "happens at it. Codes in parentheses are the vendor's ([errors.md](errors.md)); a message that names a field begins with it.",
    "Made by `node tools/limits-doc.ts`: defaults are read from the schema and the sources.",
    ...limitSections.flatMap(({ title, words, bounds }) => [
      "",
      `## ${title}`,
      "",
      ...(words === undefined ? [] : [words, ""]),
      "| bound | default | setting | at it |",
      "| --- | --- | --- | --- |",
      ...bounds.map((bound) => row(bound, settings)),
    ]),
    "",
  ].join("\n");
}

function row(bound: Bound, settings: ReadonlyMap<string, Setting>): string {
  const { what, from, at, value } = bound;
  const names = [from].flat();
  const isFixed = names.every((name) => name.startsWith("src/"));
  const values = names.map((name) => (name.startsWith("src/") ? constantValue(name) : settingValue(name, settings)));
  if (value === undefined && values.includes(undefined) && isFixed)
    throw new Error(`tools/limit-row.ts: no number in ${names.join()}`);
  const shown = value ?? values.map((one, index) => withUnit(one, bound.unit ?? unitOf(names[index] ?? ""))).join("; ");
  return `| ${what} | ${shown} | ${isFixed ? "*fixed*" : names.map((name) => `\`${shortName(name)}\``).join(", ")} | ${at} |`;
}

/** Settings of engines stand with the kind of their engine. */
function shortName(name: string): string {
  return name.replace(/^engines\.<name>\((.*)\)\./, "engines.<name>.");
}

function settingValue(name: string, settings: ReadonlyMap<string, Setting>): number | undefined {
  const setting = settings.get(name);
  if (setting === undefined) throw new Error(`tools/limit-row.ts: there is no setting ${name}`);
  return typeof setting.default === "number" ? setting.default : undefined;
}

/** `src/path.ts#name`: the number that the constant there is; `undefined` where it is something else, or none is named. */
function constantValue(from: string): number | undefined {
  const [path = "", name] = from.split("#");
  const source = readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
  if (name === undefined) return undefined;
  const text = new RegExp(`\\bconst ${name} = ([^;]+);`).exec(source)?.[1];
  if (text === undefined) throw new Error(`tools/limit-row.ts: ${path} has no constant ${name}`);
  const product = text.split("*").reduce((before, factor) => before * Number(factor.replaceAll("_", "")), 1);
  return Number.isNaN(product) ? undefined : product;
}

type Unit = "bytes" | "ms" | "s" | "days" | "characters" | "";

function unitOf(name: string): Unit {
  if (/bytes$|bodyLimit$|bytesPerKey$/i.test(name)) return "bytes";
  if (name.endsWith("Ms")) return "ms";
  if (/Seconds$|\.timeouts\.|cooldown$|probeInterval$/.test(name)) return "s";
  if (name.endsWith("Days")) return "days";
  return /Chars$|Units$/.test(name) ? "characters" : "";
}

function withUnit(value: number | undefined, unit: Unit): string {
  if (value === undefined) return "none";
  if (unit === "bytes") return bytes(value);
  if (unit === "ms") return value >= 1000 ? `${grouped(value / 1000)} s` : `${value} ms`;
  return unit === "" ? grouped(value) : `${grouped(value)} ${unit}`;
}

function bytes(value: number): string {
  const size = (["GiB", "MiB", "KiB"] as const).findIndex((_, index) => value % 1024 ** (3 - index) === 0);
  return size < 0 ? `${grouped(value)} bytes` : `${grouped(value / 1024 ** (3 - size))} ${["GiB", "MiB", "KiB"][size]}`;
}

function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

if (import.meta.main) writeFileSync(new URL("../docs/limits.md", import.meta.url), limitsPage());
