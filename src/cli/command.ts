import { InvalidArgumentError, Option, type Command, type CommandOptions } from "commander";
import { ConfigError, loadProcessConfig, type SettingsFile } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { causeMessage, toParleyError } from "../model/error.ts";

export type Flags = Record<string, unknown>;

/** What the main program offers to groups of commands. */
export interface CommandTools {
  /** A new command that takes the options of settings. */
  command: (parent: Command, name: string, description: string) => Command;
  /** The configuration, with these flags over it. Throws `ConfigError`. */
  settings: (flags: Flags) => Config;
}

/** An option that stands for a setting of docs/config.md: its help shows the setting's default and variable. */
export class SettingOption extends Option {
  readonly setting: string;

  constructor(flags: string, description: string, setting: string) {
    super(flags, description);
    this.setting = setting;
  }
}

/** Settings every command takes. */
const settingOptions: readonly Option[] = [
  new SettingOption("--config <path>", "YAML file with settings", "config"),
  new SettingOption("--data <folder>", "data folder", "data"),
  new SettingOption(
    "--engine <engine>",
    "embedded, sim, a pulled model's name, the path of a .gguf file, or the base URL of a server",
    "engine",
  ),
  new SettingOption("--log <level>", "lowest level that is logged: silent, error, warn, info or debug", "log"),
];

/** A number; anything else goes to the settings' schema, which explains the mistake. */
const wholeNumber = (text: string): unknown => (/^\d+$/.test(text) ? Number(text) : text);

/** Where the server listens. */
export function addressOptions(): readonly Option[] {
  return [
    new SettingOption("--host <address>", "address to listen on", "host"),
    new SettingOption("--port <number>", "TCP port; 0 takes any free one", "port").argParser(wholeNumber),
  ];
}

/** How many processes serve. */
export function workersOption(): Option {
  return new SettingOption(
    "--workers <number>",
    "processes that serve the port; auto: one for each core",
    "workers",
  ).argParser(wholeNumber);
}

/** What the server takes besides; `--model` is a setting only for commands whose own model it is not. */
export function serverOptions(): readonly Option[] {
  return [
    ...addressOptions(),
    new SettingOption("--model <name>", "what the server of --engine URL calls its model", "model"),
  ];
}

/**
 * The configuration of a command's flags, whose `model` is not a setting; with a file that was read before, or the one that
 * they name. Throws `ConfigError`.
 */
export function settings(flags: Flags, file?: SettingsFile): Config {
  return loadProcessConfig(settingFlags(flags), file);
}

/** The flags that are settings. */
export function settingFlags(flags: Flags): Flags {
  const names = ["config", "data", "engine", "log", "host", "port", "workers"];
  return { ...Object.fromEntries(names.map((name) => [name, flags[name]])), model: flags["engineModel"] };
}

/** The same flags with `model` as the setting, for commands that take `serverOptions`. */
export function withServerModel({ model, ...flags }: Flags): Flags {
  return { ...flags, engineModel: model };
}

export function command(parent: Command, name: string, description: string, options: CommandOptions = {}): Command {
  const made = parent.command(name, options).description(description);
  for (const option of settingOptions) made.addOption(option);
  return made;
}

/** The value of an option that takes a text. */
export function textOption(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
}

/** The base URL of a server; `/v1` is put behind one without a path. */
export function baseUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new InvalidArgumentError("Must begin with http:// or https://, such as http://127.0.0.1:8787/v1.");
  const plain = text.replace(/\/+$/, "");
  return url.pathname === "/" ? `${plain}/v1` : plain;
}

/** How a command ended: 1 failed, 2 a wrong setting or wrong usage; no message where it was printed already. */
export interface Failure {
  exitCode: 0 | 1 | 2;
  message?: string;
}

/** What a command that threw this ends with. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof ConfigError) return { exitCode: 2, message: thrown.message };
  if (thrown instanceof Error && "code" in thrown && String(thrown.code).startsWith("commander.")) {
    return { exitCode: "exitCode" in thrown && thrown.exitCode === 0 ? 0 : 2 };
  }
  const error = toParleyError(thrown);
  if (error.kind === "invalid") return { exitCode: 2, message: error.message };
  return { exitCode: 1, message: causeMessage(error) };
}
