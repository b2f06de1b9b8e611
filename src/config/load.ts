import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { isObject } from "../model/json.ts";
import { commandName } from "../lib/command.ts";
import type { LogFormat } from "../telemetry/log.ts";
import { describeIssue } from "./explain.ts";
import { nearName } from "./near-name.ts";
import { anchorPaths } from "./path.ts";
import { isHubModel, pulledModel } from "./pulled.ts";
import { configSchema, type Config } from "./schema.ts";

/** A wrong setting: names itself, what was found and what is allowed. The command line exits 2 on it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** What a settings file holds: plain values, so that one process can read it for others. */
export interface SettingsFile {
  path: string;
  /** With the texts that references stand for, and absolute paths. */
  settings: Readonly<Record<string, unknown>>;
  /** Names of the environment variables that it refers to. */
  referred: readonly string[];
}

/** Where settings come from, weakest first; each is optional. */
export interface ConfigSources {
  /** The file that flags or environment name, where it was read before. */
  file?: SettingsFile | undefined;
  /** What a file would hold, in its place. */
  settings?: Readonly<Record<string, unknown>> | undefined;
  environment: Readonly<Record<string, string | undefined>>;
  /** Command-line settings by their dotted names; `undefined` means not given. */
  flags: Readonly<Record<string, unknown>>;
}

interface EnvironmentRow {
  variable: string;
  setting: string;
  read(text: string): unknown;
}

const asNumber = (text: string): unknown => (/^\d+$/.test(text.trim()) ? Number(text) : text);
const asList = (text: string): unknown =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
const asText = (text: string): unknown => text;
/** `name=value,name=value`, percent-encoded. */
const asHeaders = (text: string): unknown =>
  Object.fromEntries(
    text.split(",").map((pair) => {
      const [name = "", ...value] = pair.split("=");
      return [name.trim(), decoded(value.join("=").trim())];
    }),
  );

/** Environment variables others may rely on. */
export const environmentTable: readonly EnvironmentRow[] = [
  { variable: "PARLEY_HOST", setting: "host", read: asText },
  { variable: "PARLEY_PORT", setting: "port", read: asNumber },
  { variable: "PARLEY_WORKERS", setting: "workers", read: asNumber },
  { variable: "PARLEY_PUBLIC_URL", setting: "publicUrl", read: asText },
  { variable: "PARLEY_API_KEYS", setting: "apiKeys", read: asList },
  { variable: "PARLEY_DATA", setting: "data", read: asText },
  { variable: "PARLEY_LOG", setting: "log", read: asText },
  { variable: "PARLEY_LOG_FORMAT", setting: "logFormat", read: asText },
  { variable: "PARLEY_SHUTDOWN_DELAY_SECONDS", setting: "server.shutdownDelaySeconds", read: asNumber },
  { variable: "PARLEY_PEER_HOST", setting: "server.peer.host", read: asText },
  { variable: "PARLEY_ENGINE", setting: "engine", read: asText },
  { variable: "PARLEY_MODEL", setting: "model", read: asText },
  { variable: "PARLEY_ADMIN_KEYS", setting: "adminKeys", read: asList },
  { variable: "PARLEY_STORE_URL", setting: "store", read: (url) => ({ url }) },
  { variable: "PARLEY_CORS_ORIGINS", setting: "cors.origins", read: asList },
  { variable: "PARLEY_HUB_URL", setting: "hub.url", read: asText },
  { variable: "PARLEY_HUB_TOKEN", setting: "hub.token", read: asText },
  // the standard names of OpenTelemetry (specification, "OTLP exporter configuration")
  { variable: "OTEL_EXPORTER_OTLP_ENDPOINT", setting: "telemetry.otlp.url", read: asText },
  { variable: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", setting: "telemetry.otlp.url", read: asText },
  { variable: "OTEL_EXPORTER_OTLP_HEADERS", setting: "telemetry.otlp.headers", read: asHeaders },
  { variable: "OTEL_SERVICE_NAME", setting: "telemetry.otlp.service", read: asText },
];

/** Reads file < environment < flags through one schema and freezes the outcome. Throws `ConfigError`. */
export function loadConfig(sources: ConfigSources): Config {
  const file = sources.file ?? (sources.settings === undefined ? readSettings(sources) : undefined);
  const raw: Record<string, unknown> = { ...(file?.settings ?? sources.settings) };
  checkVariables(sources.environment, file?.referred ?? []);
  const origin = new Map<string, string>(Object.keys(raw).map((name) => [name, file?.path ?? ""]));
  for (const row of environmentTable) {
    const value = blankless(sources.environment[row.variable]);
    if (value === undefined || serviceLink.test(value)) continue;
    put(raw, row.setting, row.read(value));
    origin.set(row.setting.split(".")[0] ?? "", row.variable);
  }
  for (const [name, value] of Object.entries(sources.flags)) {
    if (value === undefined || name === "config") continue;
    raw[name] = value;
    origin.set(name, `--${name}`);
  }
  const engine = text(raw["engine"]);
  if (engine === undefined && raw["model"] !== undefined) {
    throw new ConfigError("--model names the model of the server that --engine URL names; --engine is missing");
  }
  delete raw["engine"];
  if (engine !== undefined) {
    raw["engines"] = { default: engineShorthand(engine, text(raw["model"])) };
    raw["models"] = {};
    origin.set("engines", origin.get("engine") ?? "");
  }
  delete raw["model"];
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success) throw new ConfigError(describeIssue(parsed.error, raw, origin));
  checkReferences(parsed.data);
  findPulled(parsed.data, engine);
  return deepFreeze(parsed.data);
}

/** Names that others set or use: of the README's examples, of the tests, of a Kubernetes service "parley". */
const otherVariables = /^PARLEY_(?:CONFIG|KEY|LLAMA_SERVER|OPENRESPONSES|SERVICE_.*|PORT_\d+_.*)$/;
/** What Kubernetes puts into PARLEY_PORT where a service has that name. */
const serviceLink = /^tcp:\/\//;

/** A variable with a typing mistake must not pass in silence; `referred` are those that the file refers to. */
function checkVariables(environment: ConfigSources["environment"], referred: readonly string[]): void {
  const known = environmentTable.map(({ variable }) => variable);
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith("PARLEY_") || value === undefined || known.includes(name) || otherVariables.test(name))
      continue;
    if (referred.includes(name)) continue;
    const near = nearName(name, [...known, "PARLEY_CONFIG"]);
    const hint = near === undefined ? "docs/config.md lists all of them" : `did you mean ${near}?`;
    throw new ConfigError(`${name}: unknown environment variable; ${hint}`);
  }
}

/** The process's own environment and the given flags; the only place that reads `process.env`. */
export function loadProcessConfig(flags: Readonly<Record<string, unknown>>, file?: SettingsFile): Config {
  return loadConfig({ environment: process.env, flags, file });
}

/** The file that the process's own environment or the flags name, if they name one. Throws `ConfigError`. */
export function readProcessSettings(flags: Readonly<Record<string, unknown>>): SettingsFile | undefined {
  return readSettings({ environment: process.env, flags });
}

/** A model without a path is one that was pulled: its path takes the place of its name. */
function findPulled(config: Config, shorthand: string | undefined): void {
  for (const [name, configured] of Object.entries(config.engines)) {
    const engine = configured.kind === "replay" ? configured.engine : configured;
    if (engine.kind !== "llama" || engine.model === "builtin" || /[/\\]|\.gguf$/i.test(engine.model)) continue;
    const path = pulledModel(config.data, engine.model);
    if (path === undefined && existsSync(engine.model)) continue;
    if (path === undefined) throw notPulled(engine.model, shorthand === undefined ? `engines.${name}.model` : "engine");
    engine.model = path;
  }
}

function notPulled(found: string, setting: string): ConfigError {
  const what = `${setting}: found ${JSON.stringify(found)}; `;
  if (isHubModel(found)) {
    return new ConfigError(
      `${what}this model was not pulled into the data folder yet: ${commandName} models pull ${found}`,
    );
  }
  const words = setting === "engine" ? '"embedded", "sim"' : '"builtin"';
  const url = setting === "engine" ? ", or a base URL (http:// or https://)" : "";
  return new ConfigError(`${what}allowed are ${words}, the path of a .gguf file, a pulled model's name${url}`);
}

/** Sets a setting by its dotted name. */
function put(raw: Record<string, unknown>, setting: string, value: unknown): void {
  const [name = "", ...rest] = setting.split(".");
  if (rest.length === 0) {
    raw[name] = value;
    return;
  }
  const inner = { ...(isObject(raw[name]) ? raw[name] : {}) };
  put(inner, rest.join("."), value);
  raw[name] = inner;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The file that settings are read from, if any. */
function configPath({ flags, environment }: ConfigSources): string | undefined {
  return text(flags["config"]) ?? blankless(environment["PARLEY_CONFIG"]);
}

/** The same for the process's own environment. */
export function processConfigPath(flags: Readonly<Record<string, unknown>>): string | undefined {
  return configPath({ environment: process.env, flags });
}

/** The form of the log that the process's own environment asks for, before the settings are read. */
export function givenLogFormat(): LogFormat {
  const given = blankless(process.env["PARLEY_LOG_FORMAT"]);
  return given === "text" || given === "json" ? given : "auto";
}

/** Whether a flag or the process's own environment names the engine, and not the file. */
export function isEngineGiven(flags: Readonly<Record<string, unknown>>): boolean {
  return text(flags["engine"]) !== undefined || blankless(process.env["PARLEY_ENGINE"]) !== undefined;
}

/**
 * `embedded`, `sim`, a path of a GGUF, a pulled model, or a base URL: every catalog name is then served by it. `model` is
 * what the server behind a base URL calls its model.
 */
function engineShorthand(engine: string, model: string | undefined): Record<string, unknown> {
  if (/^https?:\/\//.test(engine)) return { kind: "upstream", url: engine, dialect: "auto", ...(model && { model }) };
  if (model !== undefined) {
    throw new ConfigError("--model names the model of a server: it goes with --engine http://HOST:PORT/v1 only");
  }
  if (engine === "embedded") return { kind: "llama" };
  if (engine === "sim") return { kind: "sim" };
  if (/^(?:[\w-]+\.)*[\w-]+:\d{1,5}(?:\/|$)/.test(engine)) {
    throw new ConfigError(`engine: found ${JSON.stringify(engine)}; did you mean http://${engine}?`);
  }
  return { kind: "llama", model: engine };
}

function readSettings({ flags, environment }: ConfigSources): SettingsFile | undefined {
  const path = configPath({ flags, environment });
  if (path === undefined) return undefined;
  const referred = new Set<string>();
  const settings = readFile(path, environment, referred);
  anchorPaths(settings, dirname(resolve(path)));
  return { path, settings, referred: [...referred] };
}

function readFile(
  path: string,
  environment: ConfigSources["environment"],
  referred: Set<string>,
): Record<string, unknown> {
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`config: cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  let document: unknown;
  try {
    document = parse(source);
  } catch (error) {
    throw new ConfigError(
      `config: ${path} is not valid YAML: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (document === null || document === undefined) return {};
  if (!isObject(document))
    throw new ConfigError(`config: ${path} must hold settings by name, found ${kindOf(document)}`);
  return resolveReferences(document, "", {
    environment,
    referred,
    folder: dirname(resolve(path)),
  }) as Record<string, unknown>;
}

/** What references in a file are resolved with. */
interface Surroundings {
  environment: ConfigSources["environment"];
  /** Takes the names of the variables that the file refers to. */
  referred: Set<string>;
  /** The folder of the file. */
  folder: string;
}

/** Secrets by reference: `{ env: NAME }` and `{ file: PATH }` stand for the text found there. */
function resolveReferences(value: unknown, at: string, around: Surroundings): unknown {
  if (Array.isArray(value)) return value.map((one, index) => resolveReferences(one, `${at}[${index}]`, around));
  if (!isObject(value)) return value;
  const keys = Object.keys(value);
  if (keys.length === 1 && typeof value["env"] === "string") {
    around.referred.add(value["env"]);
    const found = around.environment[value["env"]];
    if (found === undefined || found === "")
      throw new ConfigError(`${at}: environment variable ${value["env"]} is not set`);
    return found;
  }
  if (keys.length === 1 && typeof value["file"] === "string") {
    const path = resolve(around.folder, value["file"]);
    try {
      return readFileSync(path, "utf8").trimEnd();
    } catch {
      throw new ConfigError(`${at}: cannot read the file ${path}`);
    }
  }
  // an empty section in YAML is null: not given
  const given = Object.entries(value).filter(([, one]) => one !== null);
  return Object.fromEntries(
    given.map(([key, one]) => [key, resolveReferences(one, at === "" ? key : `${at}.${key}`, around)]),
  );
}

function checkReferences(config: Config): void {
  const known = Object.keys(config.engines);
  for (const [name, model] of Object.entries(config.models)) {
    const wanted = typeof model.engine === "string" ? [model.engine] : (model.engine ?? []);
    for (const engine of wanted) {
      if (!known.includes(engine)) {
        throw new ConfigError(
          `models.${name}.engine: found ${JSON.stringify(engine)}; allowed are the engines ${known.join(", ") || "(none configured)"}`,
        );
      }
    }
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const one of Object.values(value)) deepFreeze(one);
  }
  return value;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function blankless(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === "" ? undefined : value;
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "a list" : typeof value;
}
