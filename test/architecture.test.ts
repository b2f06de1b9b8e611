/** Reads the import lines of src/ against tools/layers.ts, and the budgets that lint cannot see. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  confinedPackages,
  layers,
  longFiles,
  maxFileLines,
  maxShortFilesWithoutReason,
  minFileLines,
  shortFiles,
} from "../tools/layers.ts";
import { lintConfig, withDocTable } from "../tools/write-layers.ts";

interface SourceFile {
  /** Relative to src/, with forward slashes. */
  path: string;
  text: string;
}

interface Import {
  specifier: string;
  typeOnly: boolean;
}

const FORBIDDEN_FOLDERS = new Set(["utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"]);

/** Rules on the text of one file: a pattern that may stand only in the folders named. */
const CONFINED_TEXT: readonly { pattern: RegExp; what: string; to: readonly string[] }[] = [
  { pattern: /\bprocess\.env\b|import \{[^}]*\benv\b[^}]*\} from "node:process"/, what: "process.env", to: ["config"] },
  { pattern: /\bconsole\.\w+/, what: "console", to: ["cli"] },
  { pattern: /^(?:export )?(?:let|var) /m, what: "module-level let", to: [] },
  {
    // Born empty, so it can only be there to be filled: state that outlives a test and a server.
    pattern:
      /^(?:export )?const \w+(?:: (?!readonly |Readonly<)[^=]+)? = (?:new (?:Map|Set|WeakMap|WeakSet)(?:<.*>)?\(\)|\[\]|\{\});/m,
    what: "module-level mutable state",
    to: [],
  },
];

const STRING_OR_COMMENT = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
const STATIC_IMPORT = /^\s*(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*"([^"]+)"/g;

describe("the sources", () => {
  const sources = readSources();

  it("are found", () => {
    expect(sources.map(({ path }) => path)).toContain("model/error.ts");
  });

  it("keep to the table and the budgets", () => {
    expect(sources.flatMap(violations)).toEqual([]);
  });

  it("have no import cycle", () => {
    expect(cycles(sources)).toEqual([]);
  });

  it("are not cut into files that are too short, but for a reason", () => {
    const short = sources
      .filter(({ path, text }) => lineCount(text) < minFileLines && !path.endsWith("/settings.ts"))
      .map(({ path }) => path);
    expect(Object.keys(shortFiles).filter((path) => !short.includes(path))).toEqual([]);
    const unexplained = short.filter((path) => !(path in shortFiles));
    expect(unexplained.length > maxShortFilesWithoutReason ? unexplained : []).toEqual([]);
  });

  it("are long only where the list says so, and the list names no others", () => {
    const long = sources.filter(({ text }) => lineCount(text) > maxFileLines).map(({ path }) => path);
    expect(longFiles.filter((path) => !long.includes(path))).toEqual([]);
  });
});

describe("what is made from the table", () => {
  it("is fresh in the import rules of lint (npm run layers)", () => {
    expect(JSON.parse(readText("../.oxlintrc.layers.json"))).toEqual(lintConfig());
  });

  it("is fresh in docs/architecture.md (npm run layers)", () => {
    const page = readText("../docs/architecture.md");
    expect(unaligned(page)).toBe(unaligned(withDocTable(page)));
  });
});

describe("the checker", () => {
  it.each([
    [
      "a peer",
      "engine/sim/answer.ts",
      'import { x } from "../../surface/chat/parse.ts";',
      "imports surface/chat/parse.ts",
    ],
    ["a floor above", "store/sql.ts", 'import type { App } from "../app.ts";', "imports app.ts"],
    ["a ground value", "model/item.ts", 'import { log } from "../telemetry/log.ts";', "imports telemetry/log.ts"],
    ["a driver from policy", "policy/limiter.ts", 'import { open } from "../store/open.ts";', "imports store/open.ts"],
    [
      "a driver from service",
      "service/meter.ts",
      'export * from "../engine/llama/llama.ts";',
      "imports engine/llama/llama.ts",
    ],
    ["policy from http", "http/server.ts", 'import {\n  a,\n} from "../policy/price.ts";', "imports policy/price.ts"],
    ["a service from cli", "cli/keys.ts", 'import { g } from "../service/generate.ts";', "imports service/generate.ts"],
    [
      "a lazy import",
      "surface/chat/encode.ts",
      'const m = await import("../../media/fetch.ts");',
      "imports media/fetch.ts",
    ],
    ["a bare import", "surface/chat/encode.ts", 'import "../../media/fetch.ts";', "imports media/fetch.ts"],
    ["outside of src", "cli/main.ts", 'import data from "../../package.json" with { type: "json" };', "leaves src/"],
    ["more than settings", "config/schema.ts", 'import { s } from "../engine/sim/engine.ts";', "imports engine/sim"],
    ["the driver's package", "store/sql.ts", 'import { request } from "undici";', "knows undici"],
    ["no extension", "model/item.ts", 'import { x } from "./event";', "without its extension"],
    ["a framework", "service/generate.ts", 'import type { FastifyReply } from "fastify";', "knows fastify"],
    ["a driver package", "http/server.ts", 'import { DatabaseSync } from "node:sqlite";', "knows node:sqlite"],
    ["an unknown folder", "gateway/x.ts", "export const x = 1;", "no row for gateway"],
    ["a forbidden folder", "engine/utils/x.ts", "export const x = 1;", "folder named utils"],
    ["a barrel", "store/index.ts", 'export * from "./sql.ts";', "barrel"],
    ["a long file", "model/item.ts", "export const x = 1;\n".repeat(351), "351 lines"],
    ["the environment", "engine/llama/load.ts", 'const home = process.env["HOME"];', "process.env"],
    ["the environment, imported", "lib/x.ts", 'import { env } from "node:process";', "process.env"],
    ["a console", "http/server.ts", 'function f() {\n  console.error("x");\n}', "console"],
    ["a module-level let", "model/id.ts", "let counter = 0;", "module-level let"],
    ["an exported let", "model/id.ts", "export let counter = 0;", "module-level let"],
    ["a module-level cache", "model/id.ts", "const seen: Map<string, number> = new Map();", "mutable state"],
    ["a module-level list", "model/id.ts", "const seen: string[] = [];", "mutable state"],
    ["a typed cache", "model/id.ts", "const seen = new Map<string, Set<number>>();", "mutable state"],
    ["code after a URL", "lib/x.ts", 'const u = "http://a"; const e = process.env;', "process.env"],
    ["code between wildcards", "lib/x.ts", 'const a = "image/*";\nconsole.log(a);\nconst b = "*/*";', "console"],
  ])("refuses %s", (_name, path, text, message) => {
    expect(violations({ path, text }).join("\n")).toContain(message);
  });

  it.each([
    ["the ground", "engine/sim/answer.ts", 'import type { Item } from "../../model/item.ts";'],
    ["its own folder", "engine/sim/answer.ts", 'import { x } from "../markup/markup.ts";'],
    ["a ground type", "model/item.ts", 'import type { Log } from "../telemetry/log.ts";'],
    ["a port", "service/generate.ts", 'import type { Store } from "../store/store.ts";'],
    ["settings", "config/schema.ts", 'import { s } from "../engine/llama/settings.ts";'],
    ["settings of a folder", "config/schema.ts", 'import { s } from "../engine/settings.ts";'],
    ["a surface's face", "surface/chat/index.ts", 'export { chat } from "./encode.ts";'],
    ["a package of one file", "store/blob/s3.ts", 'import { request } from "undici";'],
    ["everything in app.ts", "app.ts", 'import { serve } from "./http/server.ts";'],
    ["the environment in config", "config/load.ts", "const e = process.env;"],
    ["a console in cli", "cli/main.ts", 'console.log("ready");'],
    ["words in comments", "lib/x.ts", '/** not process.env */\n// import { a } from "../app.ts";\nexport const a = 1;'],
    ["words in strings", "lib/x.ts", 'export const text = "console.log and process.env";'],
    ["a local let", "lib/x.ts", "export function f() {\n  let n = 0;\n  return n;\n}"],
    ["a filled map", "lib/x.ts", 'const names = new Map([["a", 1]]);'],
    ["an empty constant", "lib/x.ts", "const none: readonly string[] = [];"],
    ["a file of 350 lines", "model/item.ts", "export const x = 1;\n".repeat(350)],
  ])("accepts %s", (_name, path, text) => {
    expect(violations({ path, text })).toEqual([]);
  });

  it("finds a cycle, and not one of types", () => {
    const a = { path: "lib/a.ts", text: 'import { b } from "./b.ts";' };
    const b = { path: "lib/b.ts", text: 'import { c } from "./c.ts";' };
    const c = { path: "lib/c.ts", text: 'import { a } from "./a.ts";' };
    expect(cycles([a, b, c])).toEqual(["lib/a.ts -> lib/b.ts -> lib/c.ts -> lib/a.ts"]);
    expect(cycles([a, b, { ...c, text: 'import type { A } from "./a.ts";' }])).toEqual([]);
  });
});

/** Everything wrong with one file, in sentences that name it. */
function violations(file: SourceFile): string[] {
  const code = file.text.replace(STRING_OR_COMMENT, (found) => (found.startsWith("/") ? "" : found));
  return [...nameViolations(file), ...importViolations(file.path, code), ...textViolations(file.path, code)];
}

function nameViolations({ path, text }: SourceFile): string[] {
  const found: string[] = [];
  if (layers[room(path)] === undefined) found.push(`${path}: there is no row for ${room(path)} in the table`);
  const folder = path.split("/").find((word) => FORBIDDEN_FOLDERS.has(word));
  if (folder !== undefined) found.push(`${path}: folder named ${folder}`);
  if (/(^|\/)index\.ts$/.test(path) && !/^surface\/[^/]+\/index\.ts$/.test(path)) found.push(`${path}: a barrel file`);
  const lines = lineCount(text);
  if (lines > maxFileLines && !longFiles.includes(path)) found.push(`${path}: ${lines} lines, at most ${maxFileLines}`);
  return found;
}

function importViolations(path: string, code: string): string[] {
  const found: string[] = [];
  for (const { specifier, typeOnly } of importsOf(code)) {
    if (specifier.startsWith(".")) {
      const target = resolve(path, specifier);
      if (target.startsWith("..")) found.push(`${path}: ${specifier} leaves src/`);
      else if (!/\.\w+$/.test(target)) found.push(`${path}: imports ${specifier} without its extension`);
      else if (!allowed(path, target, typeOnly)) found.push(`${path}: imports ${target}`);
    } else {
      const rule = confinedPackages.find(({ packages }) => new RegExp(`^(${packages.join("|")})$`).test(specifier));
      if (rule !== undefined && !rule.to.includes(room(path)) && !rule.to.includes(path))
        found.push(`${path}: knows ${specifier}`);
    }
  }
  return found;
}

function textViolations(path: string, code: string): string[] {
  const silent = code.replace(/"(?:\\.|[^"\\\n])*"/g, (text) => (text.startsWith('"node:') ? text : '""'));
  return CONFINED_TEXT.filter(({ pattern, to }) => !to.includes(room(path)) && pattern.test(silent)).map(
    ({ what }) => `${path}: ${what}`,
  );
}

function allowed(path: string, target: string, typeOnly: boolean): boolean {
  if (room(target) === room(path)) return true;
  const layer = layers[room(path)];
  const open = [...(layer?.may ?? []), ...(typeOnly ? (layer?.types ?? []) : [])];
  return open.some((entry) => entry === room(target) || posix.matchesGlob(target, entry));
}

/** Each cycle of runtime imports once, written from the file where it was first met. */
function cycles(files: readonly SourceFile[]): string[] {
  const edges = new Map(files.map(({ path, text }) => [path, runtimeTargets(path, text)]));
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path].join(" -> "));
    if (start >= 0 || done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}

function runtimeTargets(path: string, text: string): string[] {
  const code = text.replace(STRING_OR_COMMENT, (found) => (found.startsWith("/") ? "" : found));
  return importsOf(code)
    .filter(({ specifier, typeOnly }) => !typeOnly && specifier.startsWith("."))
    .map(({ specifier }) => resolve(path, specifier));
}

function importsOf(code: string): Import[] {
  const fixed = [...code.matchAll(STATIC_IMPORT)].map((match) => ({
    specifier: match[2] ?? "",
    typeOnly: match[1] !== undefined,
  }));
  const lazy = [...code.matchAll(DYNAMIC_IMPORT)].map((match) => ({ specifier: match[1] ?? "", typeOnly: false }));
  return [...fixed, ...lazy];
}

function lineCount(text: string): number {
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

/** Without the spaces by which a formatter aligns the columns of a table. */
function unaligned(page: string): string {
  return page.replace(/ +/g, " ").replace(/-+/g, "-");
}

function readText(path: string): string {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}

/** The folder directly in src/ that a file belongs to; the file itself when it lies there. */
function room(path: string): string {
  return path.split("/")[0] ?? path;
}

function resolve(from: string, specifier: string): string {
  return normalize(join(dirname(from), specifier))
    .split(sep)
    .join("/");
}

function readSources(): SourceFile[] {
  const root = fileURLToPath(new URL("../src", import.meta.url));
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(root, path).split(sep).join("/"), text: readFileSync(path, "utf8") }));
}
