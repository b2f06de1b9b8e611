import { resolve } from "node:path";
import { isObject } from "../model/json.ts";

/** Settings of engines that name files or folders beside the configuration file, not in the working folder. */
const anchored = ["script", "folder"] as const;

/** Makes the paths of the `engines` section absolute: they are relative to `folder`, where the file lies. */
export function anchorEnginePaths(engines: unknown, folder: string): void {
  if (!isObject(engines)) return;
  for (const engine of Object.values(engines)) {
    if (!isObject(engine)) continue;
    for (const name of anchored) {
      const path = engine[name];
      if (typeof path === "string") engine[name] = resolve(folder, path);
    }
    // an engine behind another one, as in `kind: replay`
    anchorEnginePaths({ inner: engine["engine"] }, folder);
  }
}
