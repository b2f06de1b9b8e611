/**
 * The layers of src/: who may import whom, which packages belong to which folder, how long a file may be.
 * Written once, here. `npm run layers` makes the import rules of lint (.oxlintrc.layers.json) and the table of
 * docs/architecture.md from it; test/architecture.test.ts reads every import line against it and fails when either is stale.
 */

/** What a folder directly in src/, or a file there, may import besides itself. */
export interface Layer {
  /** Folders (`service`), files (`store/open.ts`) and glob patterns, relative to src/. */
  may: readonly string[];
  /** The same, for `import type` only. */
  types?: readonly string[];
}

/** The folders that everything above may import. */
export const ground = ["model", "lib", "telemetry"];

const peers = ["surface", "media", "engine", "store"];

/** A folder without a row is a violation. In the order of the floors, the lowest first. */
export const layers: Readonly<Record<string, Layer>> = {
  model: { may: [], types: ground },
  lib: { may: [], types: ground },
  telemetry: { may: ["lib"], types: ground },
  surface: { may: ground },
  media: { may: ground },
  engine: { may: ground },
  store: { may: ground },
  policy: { may: [...ground, "store/store.ts"] },
  service: {
    may: [
      ...ground,
      "policy",
      "media",
      "engine/engine.ts",
      "engine/catalog.ts",
      "store/store.ts",
      "store/blob/blob.ts",
    ],
  },
  config: {
    may: [
      ...ground,
      "surface/**/settings.ts",
      "engine/**/settings.ts",
      "media/settings.ts",
      "policy/**/settings.ts",
      "store/settings.ts",
      "http/**/settings.ts",
      "supervisor/settings.ts",
    ],
  },
  supervisor: { may: ground },
  http: { may: [...ground, "service", "surface", "policy/authenticate.ts"] },
  "app-embedded.ts": { may: [...ground, "engine", "config"] },
  "app-engine.ts": { may: [...ground, "app-embedded.ts", "engine", "config"] },
  "app-services.ts": { may: [...ground, "app-engine.ts", ...peers, "config", "policy", "service"] },
  "app.ts": { may: [...ground, "app-engine.ts", "app-services.ts", ...peers, "config", "policy", "service", "http"] },
  "main.ts": { may: [...ground, "app.ts", "config", "store/open.ts"] },
  "testing.ts": { may: [...ground, "main.ts"] },
  cli: {
    may: [
      ...ground,
      "app.ts",
      "app-embedded.ts",
      "config",
      "supervisor",
      "store/open.ts",
      "store/backup.ts",
      "store/restore.ts",
      "service/admin.ts",
      "service/pull/pull.ts",
      "service/pull/source.ts",
    ],
  },
};

/** Packages that belong to some folders or files; everything else knows nothing of them. */
export const confinedPackages: readonly { packages: readonly string[]; to: readonly string[] }[] = [
  { packages: ["fastify", "@fastify/.+", "ws"], to: ["http"] },
  { packages: ["kysely", "pg", "node:sqlite"], to: ["store"] },
  { packages: ["node-llama-cpp", "@huggingface/jinja"], to: ["engine"] },
  { packages: ["sharp", "node-av.*"], to: ["media"] },
  { packages: ["undici"], to: ["engine", "media", "policy", "store/blob/s3.ts"] },
  { packages: ["commander"], to: ["cli"] },
];

/** The most lines a file may have, comments and blank lines included. */
export const maxFileLines = 350;

/** The files that are longer today. The list may only shrink. */
export const longFiles: readonly string[] = [];

/** A file of fewer lines needs a reason to be one of its own; settings.ts has one: it stands beside what it configures. */
export const minFileLines = 20;

/** The short files that have a reason. */
export const shortFiles: Readonly<Record<string, string>> = {
  "cli/main.ts": "the entry: what bin/parley.js imports, with the exit code of every command",
  "http/connection/open-files.ts": "the one place that asks the system how many files may be open",
  "lib/loop-turn.ts":
    "the one place that says what a turn of the event loop promises; two rooms of the store wait for it",
  "lib/version.ts": "reads package.json once; the command line starts without anything else",
  "model/outcome.ts": "the one list of outcomes that are charged",
  "model/json.ts": "a type of the ground that every folder shares",
};

/** How many short files without a reason there may be. The number may only shrink. */
export const maxShortFilesWithoutReason = 8;
