import { createApp } from "../app.ts";
import type { Config } from "../config/schema.ts";
import type { GenerationEvent } from "../model/event.ts";
import { ask, caller } from "./ask.ts";
import { openStore } from "../store/open.ts";

/** Streams one answer to the terminal: reasoning to standard error, the answer to standard output. */
export async function chat(config: Config, { text, model }: { text: string; model: string }): Promise<void> {
  const app = await createApp(
    { ...config, log: config.log === "info" ? "error" : config.log },
    { store: await openStore() },
  );
  const aborter = new AbortController();
  const stop = (): void => aborter.abort();
  process.once("SIGINT", stop);
  let readerLeft = false;
  process.stdout.on("error", () => {
    readerLeft = true;
    stop();
  });
  try {
    const generation = await app.generate.start(ask(model, text), caller, aborter.signal);
    for await (const batch of generation.batches) for (const event of batch) show(event);
    process.stdout.write("\n");
    const error = generation.transcript.finish?.error;
    if (error !== undefined && !readerLeft) throw error;
  } finally {
    process.off("SIGINT", stop);
    await app.close(0);
  }
}

function show(event: GenerationEvent): void {
  if (event.type === "text-delta") process.stdout.write(event.text);
  else if (event.type === "reasoning-delta") process.stderr.write(event.text);
  else if (event.type === "reasoning-end") process.stderr.write("\n\n");
}
