/** `npm run layers`: writes what is made from tools/layers.ts, the import rules of lint and the table of docs/architecture.md. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { confinedPackages, ground, layers, longFiles, maxFileLines, type Layer } from "./layers.ts";

interface Pattern {
  regex?: string;
  group?: string[];
  message: string;
}

interface Override {
  files: string[];
  rules: Record<string, unknown>;
}

const lintFile = new URL("../.oxlintrc.layers.json", import.meta.url);
const docFile = new URL("../docs/architecture.md", import.meta.url);
const begin = "<!-- layers: made from tools/layers.ts by `npm run layers` -->";
const end = "<!-- /layers -->";
const docs = "(docs/architecture.md)";

/** What .oxlintrc.layers.json holds: one override a row. The compiled test is exacter: here types count as values. */
export function lintConfig(): { overrides: Override[] } {
  const rows = Object.entries(layers).map(([name, layer]) => override(filesOf(name), name, layer));
  // A file with packages of its own: the rule of its folder again, without those packages.
  const exceptions = confinedPackages
    .flatMap(({ to }) => to.filter((path) => path.includes("/")))
    .map((path) => override(`src/${path}`, path, layers[topOf(path)] ?? { may: [] }));
  const budget = { "max-lines": ["error", { max: maxFileLines }] };
  const long = { files: longFiles.map((path) => `src/${path}`), rules: { "max-lines": "off" } };
  return {
    overrides: [...rows, ...exceptions, { files: ["src/**"], rules: budget }, ...(longFiles.length > 0 ? [long] : [])],
  };
}

/** The table of docs/architecture.md. Rows that follow each other and may import the same stand as one. */
function docTable(): string {
  const groups = new Map<string, string[]>();
  for (const [name, layer] of Object.entries(layers)) {
    const sentence = sentenceOf(layer);
    groups.set(sentence, [...(groups.get(sentence) ?? []), `\`${name}\``]);
  }
  const rows = [...groups].map(([sentence, names]) => `| ${names.join(", ")} | ${sentence} |`);
  return [begin, "", "| folder | may import |", "| --- | --- |", ...rows, "", end].join("\n");
}

/** The text of docs/architecture.md with the table as it has to be. */
export function withDocTable(page: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/architecture.md has no ${begin} ... ${end}`);
  return page.slice(0, from) + docTable() + page.slice(to + end.length);
}

function override(files: string, name: string, layer: Layer): Override {
  return { files: [files], rules: { "no-restricted-imports": ["error", { patterns: patternsOf(name, layer) }] } };
}

function patternsOf(name: string, { may, types = [] }: Layer): Pattern[] {
  const top = topOf(name);
  const open = [...may, ...types];
  const up = name.endsWith(".ts") && name === top ? "^\\./" : "^(\\.\\./)+";
  const others = Object.keys(layers).filter((other) => other !== top && !open.includes(other));
  const part = others.filter((other) => open.some((path) => path.startsWith(`${other}/`)));
  const closed = others.filter((other) => !part.includes(other)).map(importRegex);
  const packages = confinedPackages.filter(({ to }) => !to.includes(name) && !to.includes(top));
  return [
    ...(closed.length === 0
      ? []
      : [{ regex: `${up}(${closed.join("|")})`, message: `${name} does not import these ${docs}.` }]),
    ...part.map((folder) => {
      const paths = open.filter((path) => path.startsWith(`${folder}/`));
      const group = [`**/${folder}/**`, ...paths.map((path) => `!**/${path}`)];
      return { group, message: `${name} imports ${paths.join(", ")} of ${folder}, nothing else ${docs}.` };
    }),
    {
      regex: `^(${packages.flatMap((row) => row.packages).join("|")})$`,
      message: `These packages belong to other folders ${docs}.`,
    },
  ];
}

function importRegex(layer: string): string {
  return layer.endsWith(".ts") ? `${layer.replaceAll(".", "\\.")}$` : `${layer}/`;
}

function filesOf(name: string): string {
  return name.endsWith(".ts") ? `src/${name}` : `src/${name}/**`;
}

function topOf(path: string): string {
  return path.split("/")[0] ?? path;
}

function sentenceOf({ may, types }: Layer): string {
  const rest = may.filter((path) => !ground.includes(path)).map((path) => `\`${path}\``);
  const whole = ground.every((folder) => may.includes(folder));
  const parts = whole
    ? ["the ground", ...rest]
    : may.length > 0
      ? may.map((path) => `\`${path}\``)
      : ["nothing of ours"];
  return parts.join(", ") + (types === undefined ? "" : "; of the rest of the ground only types");
}

if (import.meta.main) {
  writeFileSync(lintFile, `${JSON.stringify(lintConfig())}\n`);
  writeFileSync(docFile, withDocTable(readFileSync(docFile, "utf8")));
  const formatted = spawnSync(process.execPath, ["node_modules/oxfmt/bin/oxfmt", lintFile.pathname, docFile.pathname], {
    stdio: "inherit",
    cwd: new URL("..", import.meta.url),
  });
  process.exitCode = formatted.status ?? 1;
}
