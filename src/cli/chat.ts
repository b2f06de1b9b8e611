import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { text as readAll } from "node:stream/consumers";
import { createApp, type App } from "../app.ts";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { sniffImage } from "../lib/sniff.ts";
import { documentedCards } from "../model/card.ts";
import { invalid, ParleyError } from "../model/error.ts";
import { textPart, type ImagePart, type Item, type Part } from "../model/item.ts";
import type { Transcript } from "../model/transcript.ts";
import { openStore } from "../store/open.ts";
import { AnswerScreen } from "./answer-screen.ts";
import { ask, caller, message } from "./ask.ts";
import { converse } from "./conversation.ts";

export interface ChatOptions {
  /** `-`: standard input. Absent: a conversation where that is a terminal, else the same. */
  text: string | undefined;
  /** Default: MiniMax-M2.7, with images MiniMax-M3. */
  model: string | undefined;
  system: string | undefined;
  /** Paths and URLs. */
  images: readonly string[];
  /** Base URL of the running server that is asked, if the configuration is `remoteConfig`. */
  url: string | undefined;
  json: boolean;
}

/** What the shell shows for a program that Ctrl-C ended. */
const interruptedCode = 130;

/** Answers one text, or text after text as it is typed: reasoning to standard error, answers to standard output. */
export async function chat(config: Config, options: ChatOptions): Promise<void> {
  const images = await Promise.all(options.images.map(imagePart));
  const text = await textOf(options.text);
  const app = await createApp(
    { ...config, log: config.log === "info" ? "error" : config.log },
    { store: await openStore() },
  );
  try {
    const session = new ChatSession(app, options, images);
    if (text === undefined) await session.conversation();
    else await session.once(text);
  } finally {
    await app.close(0);
  }
}

/** Settings of a chat with a running server: it is the only engine. Throws `ConfigError`. */
export function remoteConfig({
  url,
  key,
  model,
  log,
}: Record<"url" | "key" | "model" | "log", string | undefined>): Config {
  const known = model === undefined || documentedCards.some(({ id }) => id.toLowerCase() === model.toLowerCase());
  const engine = { kind: "upstream", url, dialect: "auto", ...(key !== undefined && { key }) };
  const models = known ? {} : { [model]: { engine: "server", model, like: "MiniMax-M3" } };
  return loadConfig({
    settings: { engines: { server: engine }, models, ...(log !== undefined && { log }) },
    environment: {},
    flags: {},
  });
}

/** A sentence for a key that the server refuses; other errors stay as they are. */
function keyFault(error: unknown): unknown {
  const cause = error instanceof ParleyError && error.cause instanceof Error ? error.cause.message : "";
  return /^upstream: 401\b/.test(cause)
    ? new ParleyError("upstream", "the server refused the key: give another one with --key or in PARLEY_KEY")
    : error;
}

class ChatSession {
  // fixed at birth
  private readonly app: App;
  private readonly model: string;
  /** Asks a running server. */
  private readonly isRemote: boolean;
  private readonly screen: AnswerScreen;
  // changed by events
  /** The conversation so far. */
  private readonly items: Item[];
  /** Images for the next message. */
  private images: readonly Part[];

  constructor(app: App, { model, system, json, url }: ChatOptions, images: readonly ImagePart[]) {
    this.app = app;
    this.model = model ?? (images.length > 0 ? "MiniMax-M3" : "MiniMax-M2.7");
    this.isRemote = url !== undefined;
    this.screen = new AnswerScreen({ json, answers: process.stdout, reasoning: process.stderr });
    this.items = system === undefined ? [] : [message("system", [textPart(system)])];
    this.images = images;
  }

  /** Ctrl-C ends it with the exit code of an interrupted program; a reader that leaves ends it quietly. */
  async once(text: string): Promise<void> {
    const aborter = new AbortController();
    const interrupt = (): void => {
      process.exitCode = interruptedCode;
      aborter.abort();
    };
    process.once("SIGINT", interrupt);
    process.stdout.on("error", () => aborter.abort());
    try {
      const { finish } = await this.answer(text, aborter.signal);
      if (finish?.error !== undefined && !aborter.signal.aborted) throw finish.error;
    } catch (error) {
      if (!aborter.signal.aborted) throw error;
    } finally {
      process.off("SIGINT", interrupt);
    }
  }

  async conversation(): Promise<void> {
    const lines = createInterface({ input: process.stdin, output: process.stderr, prompt: "> " });
    process.stderr.write(`${this.model}. Ctrl-C cancels an answer, Ctrl-D ends.\n`);
    await converse(lines, async (text, signal) => {
      const { finish } = await this.answer(text, signal);
      if (finish?.error !== undefined && !signal.aborted) throw finish.error;
    });
  }

  /** The answer to one more message, which is kept with it for the next. */
  private async answer(text: string, signal: AbortSignal): Promise<Transcript> {
    const asked = message("user", [textPart(text), ...this.images]);
    const request = ask(this.model, [...this.items, asked]);
    const generation = await this.app.generate.start(request, caller, signal).catch((error: unknown) => {
      throw this.isRemote ? keyFault(error) : error;
    });
    for await (const batch of generation.batches) for (const event of batch) this.screen.show(event);
    this.screen.end(this.model, generation.transcript);
    this.images = [];
    this.items.push(asked, ...answered(generation.transcript));
    return generation.transcript;
  }
}

/** What was answered, as items of the next request. */
function answered({ items }: Transcript): Item[] {
  return items.flatMap((item): Item[] => {
    if (item.type === "call") return [];
    if (item.type === "reasoning") return [{ type: "reasoning", text: item.text }];
    return [{ type: "message", role: "assistant", parts: [textPart(item.text)] }];
  });
}

/** `undefined`: a conversation. */
async function textOf(given: string | undefined): Promise<string | undefined> {
  if (given === undefined && process.stdin.isTTY) return undefined;
  if (given !== undefined && given !== "-") return given;
  const read = (await readAll(process.stdin)).trimEnd();
  if (read === "") throw invalid("text", "standard input is empty; give the text as an argument, or on standard input");
  return read;
}

async function imagePart(place: string): Promise<ImagePart> {
  const isUrl = /^(?:https?|data):/.test(place);
  return { type: "image", media: { kind: "url", url: isUrl ? place : await dataUrl(place) }, detail: "default" };
}

async function dataUrl(path: string): Promise<string> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw invalid(
      "--image",
      error.code === "ENOENT" ? `there is no file ${path}` : `${path} cannot be read (${error.message})`,
    );
  });
  const format = sniffImage(bytes);
  if (format === undefined) throw invalid("--image", `${path} is no JPEG, PNG, GIF or WebP`);
  return `data:image/${format};base64,${bytes.toString("base64")}`;
}
