import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { createApp } from "../app.ts";
import { modelFolder } from "../config/pulled.ts";
import type { Config } from "../config/schema.ts";
import { commandName } from "../lib/command.ts";
import { hubModels } from "../model/hub.ts";
import { pull, type Pulled } from "../service/pull/pull.ts";
import { pullSource } from "../service/pull/source.ts";
import { openStore } from "../store/open.ts";
import { bytesText, Progress } from "./progress.ts";
import { showList } from "./table.ts";

interface DownloadedFile {
  /** The value for `--engine`. */
  name: string;
  file: string;
  bytes: number;
  /** `partial`: a download that can be continued. */
  state: "whole" | "partial";
}

/** Lists the served names with the engines behind them, the downloaded models and the available ones; loads no model. */
export async function listModels(config: Config, json: boolean): Promise<void> {
  const app = await createApp(config, { store: await openStore() });
  try {
    const served = await app.models.describe();
    const pulled = await downloadedFiles(modelFolder(config.data));
    if (json) console.log(JSON.stringify({ served, pulled, known: hubModels }));
    else
      show(
        served.map((row) => ({ ...row })),
        pulled,
      );
  } finally {
    await app.close(0);
  }
}

function show(served: readonly Record<string, unknown>[], pulled: readonly DownloadedFile[]): void {
  showList(served, false, "No model is served.");
  console.log("\nDownloaded (serve one with --engine NAME):");
  showList(
    pulled.map(({ bytes, ...row }) => ({ ...row, size: bytesText(bytes) })),
    false,
    "none",
  );
  console.log(`\nAvailable (download one: ${commandName} models pull NAME):`);
  showList(
    hubModels.map(({ name, bytes, licence, about }) => ({ name, size: bytesText(bytes), licence, about })),
    false,
    "",
  );
}

async function downloadedFiles(folder: string): Promise<DownloadedFile[]> {
  const names = await readdir(folder).catch(() => []);
  const found = names.filter((name) => /\.gguf(\.part)?$/i.test(name)).toSorted();
  return Promise.all(
    found.map(async (entry) => {
      const file = entry.replace(/\.part$/, "");
      const name = hubModels.find((row) => row.file === file)?.name ?? file.replace(/\.gguf$/i, "");
      const { size } = await stat(join(folder, entry));
      return { name, file, bytes: size, state: entry === file ? "whole" : "partial" } as const;
    }),
  );
}

export interface PullOptions {
  /** A name of the list, a path on the hub, or a URL. */
  model: string;
  /** Expected checksum in hexadecimal. */
  sha256: string | undefined;
  json: boolean;
}

/** How often a broken connection is resumed, after pauses of one to sixteen seconds. */
const maxRetries = 5;

/** Downloads a model into the data folder. Ctrl-C keeps the part that was downloaded; the exit code is then 130. */
export async function pullModel(config: Config, options: PullOptions): Promise<void> {
  const source = pullSource(options.model, config.hub.url);
  const aborter = new AbortController();
  const stop = (): void => aborter.abort();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  const progress = new Progress(source.file, process.stderr, options.json);
  try {
    const pulled = await pull({
      ...source,
      folder: modelFolder(config.data),
      sha256: options.sha256,
      token: config.hub.token,
      signal: aborter.signal,
      retries: maxRetries,
      onProgress: (done, total) => progress.update(done, total),
    });
    progress.end();
    report(pulled, options);
  } catch (thrown) {
    progress.end();
    if (!aborter.signal.aborted) throw thrown;
    process.stderr.write("parley: stopped; the downloaded part is kept: run the same command again to continue\n");
    process.exitCode = 130;
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}

function report(pulled: Pulled, options: PullOptions): void {
  const file = pulled.path.split(/[/\\]/).at(-1) ?? "";
  const row = hubModels.find((one) => one.file === file);
  const name = row?.name ?? file.replace(/\.gguf$/i, "");
  if (options.json) {
    console.log(JSON.stringify({ name, ...pulled }));
    return;
  }
  const checked = pulled.verified ? "checksum verified" : "no checksum to compare with";
  const result = pulled.present ? "already there" : checked;
  console.log(`${file}: ${bytesText(pulled.bytes)}, ${result}`);
  console.log(`SHA-256 ${pulled.sha256}`);
  if (row !== undefined) console.log(`Licence: ${row.licence}`);
  console.log(`\n${pulled.path}\n\nServe it: ${commandName} serve --engine ${name}`);
}
