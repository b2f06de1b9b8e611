import { createApp, type App } from "../../app.ts";
import type { Config } from "../../config/schema.ts";
import { documentedCards, type ModelCard } from "../../model/card.ts";
import { invalid } from "../../model/error.ts";
import { openStore } from "../../store/open.ts";
import type { ClientModel, ClientServer } from "./client.ts";

export const keyVariable = "PARLEY_KEY";

/** What clients are given where the settings name no models. */
const usualModels: readonly string[] = ["MiniMax-M3", "MiniMax-M2.7"];

/** What the documentation shows, and what is known of a server elsewhere: the documented models at an address. */
export function documentedServer(url: string, wanted?: string): ClientServer {
  const known = (name: string): ModelCard | undefined =>
    documentedCards.find(({ id }) => id.toLowerCase() === name.toLowerCase());
  const names = wanted === undefined || usualModels.includes(wanted) ? usualModels : [wanted, ...usualModels];
  const models = names.flatMap((name) => {
    const card = known(name) ?? known("MiniMax-M2.7");
    return card === undefined ? [] : [clientModel({ ...card, id: known(name)?.id ?? name })];
  });
  return serverOf(url, models, wanted);
}

/** The server of these settings: its address, and the models that it serves for work with tools. */
export async function configuredServer(config: Config, wanted: string | undefined): Promise<ClientServer> {
  const app = await createApp({ ...config, log: "silent" }, { store: await openStore() });
  try {
    if (wanted !== undefined) app.models.card(wanted);
    const configured = Object.keys(config.models);
    const chosen = [...(wanted === undefined ? [] : [wanted]), ...(configured.length > 0 ? configured : usualModels)];
    const served = app.models.list().map(({ id }) => id);
    const names = [...new Set(chosen.filter((name) => served.includes(name) || name === wanted))];
    const list = names.length > 0 ? names : served;
    return serverOf(
      addressOf(config),
      list.map((name) => modelOf(app, name)),
      wanted,
    );
  } finally {
    await app.close(0);
  }
}

function serverOf(url: string, models: readonly ClientModel[], wanted: string | undefined): ClientServer {
  const same = (name: string): boolean => name.toLowerCase() === wanted?.toLowerCase();
  const model =
    models.find(({ name }) => same(name)) ?? models.find(({ reasoning }) => reasoning !== "never") ?? models[0];
  if (model === undefined) throw invalid("", "this server offers no model yet; list some under `models`");
  return { url, keyVariable, model, models };
}

function modelOf(app: App, name: string): ClientModel {
  const [target] = app.catalog.targets(name);
  const { contextWindow = Infinity, image = true } = target?.engine.capabilities ?? {};
  const model = clientModel(app.models.card(name));
  return {
    ...model,
    contextWindow: Math.min(model.contextWindow, contextWindow),
    image: model.image && image,
  };
}

function clientModel({ id, contextWindow, maxOutput, modalities, reasoning }: ModelCard): ClientModel {
  return { name: id, contextWindow, maxOutput, image: modalities.includes("image"), reasoning };
}

/** Where clients on this machine reach it; a server on every address is reached at loopback. */
function addressOf({ host, port }: Config): string {
  const every = host === "0.0.0.0" || host === "::";
  const name = every ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}/v1`;
}
