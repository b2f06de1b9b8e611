import { Command, InvalidArgumentError, Option } from "commander";
import {
  givenLogFormat,
  isEngineGiven,
  processConfigPath,
  readProcessSettings,
  type SettingsFile,
} from "../config/load.ts";
import { checkWorkers } from "../config/workers.ts";
import { commandName } from "../lib/command.ts";
import { version } from "../lib/version.ts";
import type { LogFormat } from "../telemetry/log.ts";
import { addClients } from "./client/command.ts";
import { addAudit } from "./audit.ts";
import { addBackup } from "./backup.ts";
import {
  baseUrl,
  command,
  serverOptions,
  settings,
  settingFlags,
  textOption,
  withServerModel,
  workersOption,
  type Flags,
} from "./command.ts";
import { addCompletion } from "./completion.ts";
import { addExamples, optionDescription } from "./help.ts";
import { addKeys } from "./keys.ts";
import { addMoney } from "./money.ts";
import { addOrganisations } from "./organisations.ts";
import { addLedger, addUsage } from "./usage.ts";

/** Loaded only when the command runs: the server takes ten times as long to load as the command line. */
const lazy = {
  cluster: () => import("node:cluster"),
  serve: () => import("./serve.ts"),
  supervise: () => import("./supervise.ts"),
  worker: () => import("./worker.ts"),
  processLog: () => import("./process-log.ts"),
  chat: () => import("./chat.ts"),
  doctor: () => import("./doctor.ts"),
  models: () => import("./models.ts"),
};

/** The tree of all commands. */
export function buildProgram(): Command {
  // exitOverride and the form of help before the sub-commands are made: they copy them
  const program = new Command("parley")
    .exitOverride()
    .description("The MiniMax text API on your own machines.")
    .version(version)
    .configureHelp({ optionDescription })
    .showSuggestionAfterError()
    .showHelpAfterError(`(${commandName} COMMAND --help shows its options and an example)`);
  addServe(program);
  addChat(program);
  const doctor = command(program, "doctor", "check this machine and the settings");
  for (const option of serverOptions()) doctor.addOption(option);
  doctor
    .option("--json", "as JSON")
    .action(async (flags: Flags) =>
      (await lazy.doctor()).doctor(settings(withServerModel(flags)), flags["json"] === true),
    );
  addModels(program);
  for (const add of [addKeys, addOrganisations, addMoney, addUsage, addLedger, addAudit, addBackup, addClients])
    add(program, { command, settings });
  addCompletion(program);
  addExamples(program);
  return program;
}

function addServe(program: Command): void {
  const serve = command(program, "serve", "start the server");
  for (const option of [...serverOptions(), workersOption()]) serve.addOption(option);
  serve.action(async (given: Flags) => {
    const flags = withServerModel(given);
    const source = {
      path: processConfigPath(flags),
      engineIsGiven: isEngineGiven(flags),
      read: () => readProcessSettings(settingFlags(flags)),
      load: (file?: SettingsFile) => settings(flags, file),
    };
    // the server's standard error holds lines of the log only
    let format: LogFormat = givenLogFormat();
    try {
      if ((await lazy.cluster()).default.isWorker) return (await lazy.worker()).serveAsWorker(source, format);
      const file = source.read();
      const config = source.load(file);
      format = config.logFormat;
      checkWorkers(config, config.workers);
      if (config.workers > 1) await (await lazy.supervise()).supervise(config, source, file);
      else await (await lazy.serve()).serve(config, source);
    } catch (thrown) {
      process.exitCode = (await lazy.processLog()).logFailedStart(thrown, format);
    }
  });
}

function addChat(program: Command): void {
  command(program, "chat", "answer in the terminal: one text, or a conversation")
    .argument("[text]", "the user message; - reads standard input; without one: a conversation")
    .option("--model <name>", "model name (default: MiniMax-M2.7, with images MiniMax-M3)")
    .option("--system <text>", "the system message")
    .option("--image <place>", "path or URL of a picture for the first message; may be repeated", collected, [])
    .option("--url <url>", "base URL of a running server, in the place of an engine", baseUrl)
    .addOption(new Option("--key <key>", "API key of that server").env("PARLEY_KEY"))
    .option("--json", "each answer as JSON in one line")
    .action(async (text: string | undefined, { model: name, ...flags }: Flags) => {
      const { chat, remoteConfig } = await lazy.chat();
      const model = typeof name === "string" ? name : undefined;
      const [url, key, log, system] = ["url", "key", "log", "system"].map((one) => textOption(flags, one));
      const images = Array.isArray(flags["image"]) ? flags["image"].map(String) : [];
      const config = url === undefined ? settings(flags) : remoteConfig({ url, key, model, log });
      await chat(config, { text, model, system, images, url, json: flags["json"] === true });
    });
}

/** The values of an option that may be repeated. */
const collected = (value: string, before: unknown): string[] => [...(before as string[]), value];

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
