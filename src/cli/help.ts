import { Help, type Command, type Option } from "commander";
import { environmentTable } from "../config/load.ts";
import { configSchema } from "../config/schema.ts";
import { commandName } from "../lib/command.ts";
import { SettingOption } from "./command.ts";

/** One example or two of every command, by its path. docs and tests run them; a command without one fails the tests. */
export const examples: Readonly<Record<string, readonly string[]>> = {
  serve: ["serve --engine http://127.0.0.1:8000/v1", "serve --config parley.yaml"],
  chat: [
    'chat "What is the capital of France?"',
    "chat --url http://127.0.0.1:8787/v1 --key $PARLEY_KEY",
    'git diff | PARLEY chat --system "Write a commit message." -',
  ],
  doctor: ["doctor --engine http://127.0.0.1:8000/v1"],
  "models list": ["models list --json"],
  "models pull": ["models pull qwen3-0.6b"],
  "keys create": ["keys create --name ci --expires 30d --organisation research --budget 20"],
  "keys list": ["keys list --json"],
  "keys change": ["keys change ci --model MiniMax-M2.7 --requests-per-minute 60"],
  "keys show": ["keys show ci"],
  "keys disable": ["keys disable ci"],
  "keys enable": ["keys enable ci"],
  "keys rotate": ["keys rotate ci --overlap 24h"],
  "keys delete": ["keys delete ci"],
  "organisations create": ["organisations create --name research --streams 8"],
  "organisations list": ["organisations list"],
  "organisations change": ["organisations change research --streams 16"],
  "organisations show": ["organisations show research"],
  "organisations disable": ["organisations disable research"],
  "organisations enable": ["organisations enable research"],
  "organisations delete": ["organisations delete research"],
  "money list": ["money list"],
  "money credit": ["money credit 12.50 --key ci"],
  "money balance": ["money balance none --key ci"],
  "money budget": ["money budget 100 --organisation research", "money budget 2.50 --key ci --period day"],
  usage: ["usage --by key --from 2026-11-01", "usage --by organisation,model --csv"],
  "ledger list": ["ledger list --key ci --outcome upstream --limit 20"],
  "ledger show": ["ledger show 07a1f7c3b2d94e5f8a6b1c2d3e4f5a6b"],
  audit: ["audit --target key:0759a588f2e1a1a1e5b6c0ffee000001", "audit --json"],
  backup: ["backup parley-backup.tar.gz", "backup - | ssh backups 'cat > parley.tar.gz'"],
  restore: ["restore parley-backup.tar.gz --data ./restored"],
  "client codex": ["client codex --write"],
  "client opencode": ["client opencode --write"],
  "client qwen": ["client qwen --model MiniMax-M2.7"],
  "client pi": ["client pi --url http://10.0.0.5:8787/v1"],
  "client continue": ["client continue --write"],
  "client claude": ["client claude"],
  "client ai-sdk": ["client ai-sdk"],
  "completion bash": ["completion bash >> ~/.bashrc"],
  "completion zsh": ['completion zsh > "${fpath[1]}/_parley"'],
  "completion fish": ["completion fish > ~/.config/fish/completions/parley.fish"],
};

/** The words by which a command is called, without the program's own name. */
export function pathOf(command: Command): string {
  const parent = command.parent;
  return parent === null ? "" : `${pathOf(parent)} ${command.name()}`.trim();
}

/** Every command below, groups included. */
export function allCommands(command: Command): Command[] {
  return command.commands.flatMap((one) => [one, ...allCommands(one)]);
}

/** Puts each command's examples under its help. */
export function addExamples(program: Command): void {
  for (const command of allCommands(program)) {
    const own = examples[pathOf(command)] ?? [];
    if (own.length === 0) continue;
    command.addHelpText("after", ["", own.length === 1 ? "Example:" : "Examples:", ...own.map(exampleLine)].join("\n"));
  }
}

/** `PARLEY` stands for the program where it is not the first word. */
function exampleLine(example: string): string {
  return `  ${example.includes("PARLEY ") ? example.replace("PARLEY ", `${commandName} `) : `${commandName} ${example}`}`;
}

const plain = new Help();

/** An option's sentence; of a setting with its default and environment variable. Evaluated only where help is shown. */
export function optionDescription(option: Option): string {
  const text = plain.optionDescription(option);
  if (!(option instanceof SettingOption)) return text;
  const variable =
    option.setting === "config"
      ? "PARLEY_CONFIG"
      : environmentTable.find(({ setting }) => setting === option.setting)?.variable;
  const fallback = option.setting === "engine" ? "embedded" : settingDefault(option.setting);
  const facts = [
    ...(fallback === undefined ? [] : [`default: ${fallback}`]),
    ...(variable === undefined ? [] : [`env: ${variable}`]),
  ];
  return facts.length === 0 ? text : `${text} (${facts.join(", ")})`;
}

function settingDefault(setting: string): string | undefined {
  const value: unknown = Object.entries(configSchema.parse({})).find(([name]) => name === setting)?.[1];
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}
