import { Command, InvalidArgumentError, Option, type CommandOptions } from "commander";
import { ConfigError, isEngineGiven, loadProcessConfig, processConfigPath } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { toParleyError } from "../model/error.ts";
import { version } from "../lib/version.ts";
import { addKeys, textOption } from "./keys.ts";
import { addMoney, addOrganisations, addUsage } from "./usage.ts";

/** Settings every command takes; the long name is the setting's name. */
const settingOptions: readonly Option[] = [
  new Option("--config <path>", "YAML file with settings"),
  new Option("--data <folder>", "data folder"),
  new Option(
    "--engine <engine>",
    "embedded, sim, a pulled model's name, the path of a .gguf file, or the base URL of a server",
  ),
  new Option("--log <level>", "silent, error, warn, info or debug"),
];

/** Loaded only when the command runs: the server takes ten times as long to load as the command line. */
const lazy = {
  serve: () => import("./serve.ts"),
  chat: () => import("./chat.ts"),
  doctor: () => import("./doctor.ts"),
  models: () => import("./models.ts"),
};

type Flags = Record<string, unknown>;

function settings(flags: Flags): Config {
  const names = ["config", "data", "engine", "log", "host", "port"];
  const given = { ...Object.fromEntries(names.map((name) => [name, flags[name]])), model: flags["engineModel"] };
  return loadProcessConfig(given);
}

function command(parent: Command, name: string, description: string, options: CommandOptions = {}): Command {
  const made = parent.command(name, options).description(description);
  for (const option of settingOptions) made.addOption(option);
  return made;
}

/** A port as a number; anything else goes to the settings' schema, which explains the mistake. */
const portNumber = (text: string): unknown => (/^\d+$/.test(text) ? Number(text) : text);

function build(): Command {
  // exitOverride before the sub-commands are made: they copy it
  const program = new Command("parley")
    .exitOverride()
    .description("The MiniMax text API on your own machines.")
    .version(version)
    .showHelpAfterError();
  command(program, "serve", "start the server")
    .option("--host <address>", "address to listen on")
    .option("--port <number>", "TCP port; 0 takes any free one", portNumber)
    .option("--model <name>", "what the server of --engine URL calls its model")
    .action(async ({ model, ...given }: Flags) => {
      const flags: Flags = { ...given, engineModel: model };
      const source = {
        path: processConfigPath(flags),
        engineIsGiven: isEngineGiven(flags),
        load: () => settings(flags),
      };
      await (await lazy.serve()).serve(source.load(), source);
    });
  command(program, "chat", "answer one text in the terminal")
    .argument("<text>", "the user message")
    .option("--model <name>", "model name", "MiniMax-M2.7")
    .action(async (text: string, flags: Flags) =>
      (await lazy.chat()).chat(settings(flags), { text, model: String(flags["model"]) }),
    );
  command(program, "doctor", "check this machine and the settings").action(async (flags: Flags) =>
    (await lazy.doctor()).doctor(settings(flags)),
  );
  addModels(program);
  for (const add of [addKeys, addOrganisations, addMoney, addUsage]) add(program, { command, settings });
  return program;
}

function addModels(program: Command): void {
  const models = program.command("models").description("models: served, downloaded and available");
  command(models, "list", "list the models and the engines that serve them (default)", { isDefault: true })
    .option("--json", "as JSON")
    .action(async (flags: Flags) => (await lazy.models()).listModels(settings(flags), flags["json"] === true));
  command(models, "pull", "download a model into the data folder; run again to continue")
    .argument("<model>", "a name from the list, owner/repository/file.gguf, or a URL")
    .option("--sha256 <sum>", "expected checksum of the file", checksum)
    .option("--json", "as JSON")
    .action(async (model: string, flags: Flags) =>
      // the engine's own setting must not matter here: it may name the very model that is to be pulled
      (await lazy.models()).pullModel(settings({ ...flags, engine: "sim" }), {
        model,
        sha256: textOption(flags, "sha256"),
        json: flags["json"] === true,
      }),
    );
}

function checksum(text: string): string {
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new InvalidArgumentError("A SHA-256 has 64 hexadecimal digits.");
  return text.toLowerCase();
}

/** Exit codes: 0 done, 1 failed, 2 a wrong setting or wrong usage. */
async function main(): Promise<void> {
  try {
    await build().parseAsync();
  } catch (thrown) {
    process.exitCode = report(thrown);
  }
}

function report(thrown: unknown): number {
  if (thrown instanceof ConfigError) {
    process.stderr.write(`parley: ${thrown.message}\n`);
    return 2;
  }
  if (thrown instanceof Error && "code" in thrown && String(thrown.code).startsWith("commander.")) {
    return "exitCode" in thrown && thrown.exitCode === 0 ? 0 : 2;
  }
  const error = toParleyError(thrown);
  if (error.kind === "invalid") {
    process.stderr.write(`parley: ${error.message}\n`);
    return 2;
  }
  const cause = error.cause instanceof Error ? error.cause.message : error.message;
  process.stderr.write(`parley: ${cause}\n`);
  return 1;
}

await main();
