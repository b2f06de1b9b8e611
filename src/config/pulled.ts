import { existsSync } from "node:fs";
import { join } from "node:path";
import { hubModels } from "../model/hub.ts";

/** The folder of pulled models in a data folder. */
export function modelFolder(data: string): string {
  return join(data, "models");
}

/** The path of a model that was pulled, by its name in the list or its file's name; `undefined` when it was not. */
export function pulledModel(data: string, name: string): string | undefined {
  if (!/^[\w.+-]+$/.test(name)) return undefined;
  const file = hubModels.find((row) => row.name === name.toLowerCase())?.file ?? `${name}.gguf`;
  const path = join(modelFolder(data), file);
  return existsSync(path) ? path : undefined;
}

/** Whether a word is a name of the list, pulled or not. */
export function isHubModel(name: string): boolean {
  return hubModels.some((row) => row.name === name.toLowerCase());
}
