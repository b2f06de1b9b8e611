/** Reads the import lines of src/ against the table of docs/architecture.md, and the budgets that lint cannot see. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

interface SourceFile {
  /** Relative to src/, with forward slashes. */
  path: string;
  text: string;
}

interface Import {
  specifier: string;
  typeOnly: boolean;
}

interface Row {
  /** Folders (`service`) and files (`store/open.ts`) that may be imported; one's own folder always may. */
  may: readonly string[];
  /** The same, for `import type` only. */
  types?: readonly string[];
}

const GROUND = ["model", "lib", "telemetry"];

/** The table: a folder (or a file directly in src/) and what it may import. A folder without a row is a violation. */
const TABLE: Readonly<Record<string, Row>> = {
  model: { may: [], types: GROUND },
  lib: { may: [], types: GROUND },
  telemetry: { may: ["lib"], types: GROUND },
  surface: { may: GROUND },
  media: { may: GROUND },
  engine: { may: GROUND },
  store: { may: GROUND },
  config: {
    may: [
      ...GROUND,
      "engine/settings.ts",
      "engine/llama/settings.ts",
      "engine/sim/settings.ts",
      "engine/replay/settings.ts",
      "engine/upstream/settings.ts",
      "media/settings.ts",
      "policy/settings.ts",
      "policy/moderate/settings.ts",
      "store/settings.ts",
      "telemetry/settings.ts",
    ],
  },
  policy: { may: [...GROUND, "store/store.ts"] },
  service: {
    may: [
      ...GROUND,
      "policy",
      "media",
      "engine/engine.ts",
      "engine/catalog.ts",
      "store/store.ts",
      "store/blob/blob.ts",
    ],
  },
  http: { may: [...GROUND, "service", "surface", "policy/authenticate.ts"] },
  "app-engine.ts": { may: [...GROUND, "engine", "config", "service/route-book.ts"] },
  "app-services.ts": {
    may: [...GROUND, "app-engine.ts", "surface", "media", "engine", "store", "config", "policy", "service"],
  },
  "app.ts": {
    may: [
      ...GROUND,
      "app-engine.ts",
      "app-services.ts",
      "surface",
      "media",
      "engine",
      "store",
      "config",
      "policy",
      "service",
      "http",
    ],
  },
  "main.ts": { may: [...GROUND, "app.ts", "config", "store/open.ts"] },
  cli: {
    may: [
      ...GROUND,
      "app.ts",
      "config",
      "store/open.ts",
      "service/admin.ts",
      "service/pull/pull.ts",
      "service/pull/source.ts",
    ],
  },
};

/** Packages that belong to one floor, and the folders that may know them. */
const CONFINED: readonly { packages: RegExp; to: readonly string[] }[] = [
  { packages: /^(fastify|@fastify\/.+|ws)$/, to: ["http"] },
  { packages: /^(kysely|pg|node:sqlite)$/, to: ["store"] },
  { packages: /^(node-llama-cpp|@huggingface\/jinja)$/, to: ["engine"] },
  { packages: /^(sharp|node-av.*)$/, to: ["media"] },
  { packages: /^commander$/, to: ["cli"] },
];

const MAX_LINES = 400;
const FORBIDDEN_FOLDERS = new Set(["utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"]);

/** Rules on the text of one file: a pattern that may stand only in the folders named. */
const CONFINED_TEXT: readonly { pattern: RegExp; what: string; to: readonly string[] }[] = [
  { pattern: /\bprocess\.env\b|import \{[^}]*\benv\b[^}]*\} from "node:process"/, what: "process.env", to: ["config"] },
  { pattern: /\bconsole\.\w+/, what: "console", to: ["cli"] },
  { pattern: /^(?:export )?(?:let|var) /m, what: "module-level let", to: [] },
  {
    // Born empty, so it can only be there to be filled: state that outlives a test and a server.
    pattern:
      /^(?:export )?const \w+(?:: (?!readonly )[^=]+)? = (?:new (?:Map|Set|WeakMap|WeakSet)(?:<.*>)?\(\)|\[\]|\{\});/m,
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
    ["no extension", "model/item.ts", 'import { x } from "./event";', "without its extension"],
    ["a framework", "service/generate.ts", 'import type { FastifyReply } from "fastify";', "knows fastify"],
    ["a driver package", "http/server.ts", 'import { DatabaseSync } from "node:sqlite";', "knows node:sqlite"],
    ["an unknown folder", "gateway/x.ts", "export const x = 1;", "no row for gateway"],
    ["a forbidden folder", "engine/utils/x.ts", "export const x = 1;", "folder named utils"],
    ["a barrel", "store/index.ts", 'export * from "./sql.ts";', "barrel"],
    ["a long file", "model/item.ts", "export const x = 1;\n".repeat(401), "401 lines"],
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
    ["a surface's face", "surface/chat/index.ts", 'export { chat } from "./encode.ts";'],
    ["everything in app.ts", "app.ts", 'import { serve } from "./http/server.ts";'],
    ["the environment in config", "config/load.ts", "const e = process.env;"],
    ["a console in cli", "cli/main.ts", 'console.log("ready");'],
    ["words in comments", "lib/x.ts", '/** not process.env */\n// import { a } from "../app.ts";\nexport const a = 1;'],
    ["words in strings", "lib/x.ts", 'export const text = "console.log and process.env";'],
    ["a local let", "lib/x.ts", "export function f() {\n  let n = 0;\n  return n;\n}"],
    ["a filled map", "lib/x.ts", 'const names = new Map([["a", 1]]);'],
    ["an empty constant", "lib/x.ts", "const none: readonly string[] = [];"],
    ["a file of 400 lines", "model/item.ts", "export const x = 1;\n".repeat(400)],
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
  if (TABLE[room(path)] === undefined) found.push(`${path}: there is no row for ${room(path)} in the table`);
  const folder = path.split("/").find((word) => FORBIDDEN_FOLDERS.has(word));
  if (folder !== undefined) found.push(`${path}: folder named ${folder}`);
  if (/(^|\/)index\.ts$/.test(path) && !/^surface\/[^/]+\/index\.ts$/.test(path)) found.push(`${path}: a barrel file`);
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  if (lines > MAX_LINES) found.push(`${path}: ${lines} lines, at most ${MAX_LINES}`);
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
      const rule = CONFINED.find(({ packages }) => packages.test(specifier));
      if (rule !== undefined && !rule.to.includes(room(path))) found.push(`${path}: knows ${specifier}`);
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
  const row = TABLE[room(path)];
  const open = [...(row?.may ?? []), ...(typeOnly ? (row?.types ?? []) : [])];
  return open.includes(target) || open.includes(room(target));
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
