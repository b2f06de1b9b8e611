import { existsSync } from "node:fs";
import { findPackageJSON } from "node:module";

/**
 * Packages that only some servers need, and that are large or belong to one machine: optional peer dependencies, which npm
 * installs where somebody asks for them. The versions are those that package.json allows.
 */
const packages = {
  "node-llama-cpp": { version: "3", use: "runs .gguf models in this process" },
  sharp: { version: "0.35", use: "reads images and frames of videos" },
  "node-av": { version: "6", use: "reads videos" },
  pg: { version: "8", use: "connects to PostgreSQL" },
} as const;

export type OptionalPackage = keyof typeof packages;

/**
 * `undefined` where the package is installed, else one sentence for operators with the command that installs it. `here` is
 * the file that would import it.
 */
export function missingPackage(name: OptionalPackage, here: string = import.meta.url): string | undefined {
  try {
    if (findPackageJSON(name, here) !== undefined) return undefined;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND")) throw error;
  }
  const { version, use } = packages[name];
  return `the package ${name}, which ${use}, is not installed; this installs it: ${installCommand(`${name}@${version}`, here)}`;
}

/** The command that adds a package where this one is installed: a checkout, npx's own folder, a global or a local install. */
export function installCommand(wanted: string, here: string): string {
  if (here.endsWith(".ts")) return "npm ci";
  if (here.includes("/_npx/")) return `npx --package ${wanted} ...`;
  const besideTree = new URL("../../../../../package.json", here);
  const isGlobal = /\/(?:lib|npm)\/node_modules\/@parley-ai\/parley\//.test(here) && !existsSync(besideTree);
  return `npm install ${isGlobal ? "--global " : ""}${wanted}`;
}
