import { resolve } from "node:path";
import type { App, Listening } from "../app.ts";
import type { Config } from "../config/schema.ts";
import { commandName } from "../lib/command.ts";
import { isBuiltin } from "./start-check.ts";

/** Names of an engine's models that the screen shows. */
const maxNames = 5;

/** What an operator reads when the server has started: what answers, where, with which key, and a command to try it. */
export async function startScreen(app: App, config: Config, { url, firstKey }: Listening): Promise<string> {
  const model = await suggestedModel(app);
  const rows: [string, string][] = [
    ...engineRows(app, config),
    ["data", config.store.url === undefined ? resolve(config.data) : `PostgreSQL, and ${resolve(config.data)}`],
    ["keys", await keysText(app, config)],
    ...(config.workers > 1 ? [["workers", `${config.workers} processes`] satisfies [string, string]] : []),
  ];
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] });
  const first = firstKey === undefined ? [] : [`A first API key was made. It is shown only now:\n\n    ${firstKey}\n`];
  return [
    ...first,
    `Parley listens on ${url}`,
    ...rows.map(([name, text]) => `  ${name.padEnd(8)}${text}`),
    ...hints(app, config).map((hint) => `  ${hint}`),
    "",
    `  curl ${url}/v1/chat/completions -H "Authorization: Bearer ${firstKey ?? "$PARLEY_KEY"}" \\`,
    `    -H "Content-Type: application/json" -d '${body}'`,
    "",
  ].join("\n");
}

function engineRows(app: App, config: Config): [string, string][] {
  return [...app.catalog.engines()].map(([name, engine]) => {
    const members = engine.members?.() ?? [];
    const models = engine.models ?? [];
    const names = models.slice(0, maxNames).join(", ") + (models.length > maxNames ? ", ..." : "");
    const places = members.length > 1 ? members.map((member) => member.name).join(", ") : "";
    const what = [engine.address ?? places, names].filter((text) => text !== "");
    const facts = isBuiltin(config, name) ? [tinyModel] : [fileOf(config, name), ...what].filter((text) => text !== "");
    return ["engine", [`${name} (${engine.kind})`, ...facts].join(": ")];
  });
}

const tinyModel = "the built-in tiny model (3.6 million parameters), for trying and testing, not for work";

/** The model's file, where there is one. */
function fileOf({ engines }: Config, name: string): string {
  const settings = engines[name];
  return settings?.kind === "llama" || settings?.kind === "llama-server" ? settings.model : "";
}

async function keysText(app: App, config: Config): Promise<string> {
  const stored = (await app.admin.keys()).length;
  const fixed = config.apiKeys.length;
  const parts = [
    ...(stored > 0 || fixed === 0 ? [`${stored} in the data folder`] : []),
    ...(fixed > 0 ? [`${fixed} in the settings`] : []),
  ];
  return `${parts.join(", ")}; another: ${commandName} keys create --name NAME`;
}

function hints(app: App, config: Config): string[] {
  const engines = [...app.catalog.engines()];
  const several = engines.flatMap(([name, { models = [] }]) =>
    models.length < 2
      ? []
      : [
          `Engine ${name} has ${models.length} models: give other names one of these with models.<name>.model, or --model`,
        ],
  );
  const onlyBuiltin = engines.every(([name]) => isBuiltin(config, name));
  const real = `For real answers: ${commandName} models pull NAME, or --engine http://HOST:PORT/v1`;
  return onlyBuiltin ? [...several, real] : several;
}

/** A served name that is answered: one that the engine has itself, else the first documented one of plain text. */
async function suggestedModel(app: App): Promise<string> {
  const rows = await app.models.describe();
  const known = new Set([...app.catalog.engines().values()].flatMap(({ models = [] }) => models));
  const names = rows.map(({ model }) => model);
  const own = rows.find(({ engineModel }) => known.has(engineModel))?.model;
  return own ?? names.find((name) => name === "MiniMax-M2.7") ?? names[0] ?? "MiniMax-M2.7";
}
