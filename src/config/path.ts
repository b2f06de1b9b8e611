import { resolve } from "node:path";
import { isObject } from "../model/json.ts";

/** Settings of engines that name files or folders. */
const enginePaths = ["script", "folder", "mmproj"] as const;
/** The same where the text is a path and not a name: of a pulled model, or of a program in the search path. */
const pathsOrNames = ["model", "binary"] as const;

/** Makes the paths in the settings of a file absolute: they are relative to `folder`, where the file lies. */
export function anchorPaths(settings: Record<string, unknown>, folder: string): void {
  anchor(settings, "data", folder);
  anchorEngines(settings["engines"], folder);
  const moderation = settings["moderation"];
  const words = isObject(moderation) ? moderation["words"] : undefined;
  const files = isObject(words) ? words["files"] : undefined;
  if (!Array.isArray(files)) return;
  for (const [index, file] of files.entries()) {
    if (isObject(file)) anchor(file, "path", folder);
    else if (typeof file === "string") files[index] = resolve(folder, file);
  }
}

function anchorEngines(engines: unknown, folder: string): void {
  if (!isObject(engines)) return;
  for (const engine of Object.values(engines)) {
    if (!isObject(engine)) continue;
    for (const name of enginePaths) anchor(engine, name, folder);
    for (const name of pathsOrNames) if (isPath(engine[name])) anchor(engine, name, folder);
    // an engine behind another one, as in `kind: replay`
    anchorEngines({ inner: engine["engine"] }, folder);
  }
}

function anchor(settings: Record<string, unknown>, name: string, folder: string): void {
  const path = settings[name];
  if (typeof path === "string" && path !== "") settings[name] = resolve(folder, path);
}

/** An upstream's `model` may hold a slash: only what begins like a path, or is a GGUF file, is one. */
function isPath(text: unknown): boolean {
  return typeof text === "string" && (/^\.{0,2}[/\\]/.test(text) || /\.gguf$/i.test(text));
}
