import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../../src/engine/engine.ts";
import { llamaServerEngine, type ManagedOptions } from "../../../src/engine/upstream/managed.ts";
import { fold, requestOf, user } from "./fake.ts";

/** A program with llama-server's command line: loads for a moment, repeats what it hears, dies when told to. */
const program = `#!${process.execPath}
const http = require("node:http");
const fs = require("node:fs");
const value = (flag) => process.argv[process.argv.indexOf(flag) + 1];
fs.appendFileSync(value("--model"), process.argv.slice(2).join(" ") + "\\n");
if (process.argv.includes("--broken")) { console.error("error: no such model"); process.exit(3); }
const born = Date.now();
http.createServer((request, response) => {
  if (request.url === "/health") return response.writeHead(Date.now() - born < 100 ? 503 : 200).end("{}");
  let text = "";
  request.on("data", (chunk) => (text += chunk));
  request.on("end", () => {
    const said = JSON.parse(text).messages.at(-1).content;
    if (said === "die") process.exit(1);
    const frame = (choice) => "data: " + JSON.stringify({ choices: [{ index: 0, ...choice }] }) + "\\n\\n";
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(frame({ delta: { content: said } }) + frame({ delta: {}, finish_reason: "stop" }) + "data: [DONE]\\n\\n");
  });
}).listen(Number(value("--port")), value("--host"));
`;

let folder = "";
let binary = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-managed-"));
  binary = join(folder, "llama-server.cjs");
  await writeFile(binary, program);
  await chmod(binary, 0o755);
});
afterAll(() => rm(folder, { recursive: true }));

const open: Engine[] = [];
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

/** The program writes its arguments into its "model" file, one line a start. */
function start(over: Partial<ManagedOptions> = {}): { engine: Engine; starts: () => Promise<string[]> } {
  const model = join(folder, `${Math.random()}.gguf`);
  const engine = llamaServerEngine({ binary, model, slots: 2, restartAfter: 20, startWithin: 5_000, ...over });
  open.push(engine);
  const starts = async (): Promise<string[]> => (await readFile(model, "utf8")).trimEnd().split("\n");
  return { engine, starts };
}

async function ask(engine: Engine, text: string, signal = new AbortController().signal): Promise<string> {
  const { transcript } = await fold(engine.generate(requestOf({ items: [user(text)] }), signal));
  return transcript.finish?.error?.kind ?? transcript.text();
}

describe("a managed llama-server", () => {
  it("is started once, waited for, and told what it has to know", async () => {
    const { engine, starts } = start({ contextSize: 1_000, projector: "eyes.gguf", threads: 3, args: ["--flash-attn", "on"] });
    await engine.open?.();
    expect(await Promise.all([ask(engine, "a"), ask(engine, "b")])).toEqual(["a", "b"]);
    const [line = "", ...others] = await starts();
    expect(others).toEqual([]);
    expect(line).toContain("--host 127.0.0.1 --port ");
    expect(line).toContain("--jinja --no-webui --poll 0 --parallel 2 --threads 3 --threads-batch 3 --ctx-size 2000");
    expect(line).toContain("--mmproj eyes.gguf --flash-attn on");
    expect(engine.capabilities).toEqual({ contextWindow: 1_000, constrained: true, image: true, video: "frames" });
    expect(engine.load()).toEqual({ running: 0, waiting: 0, slots: 2 });
  });

  it("is started again when it dies", async () => {
    const { engine, starts } = start();
    expect(await ask(engine, "a")).toBe("a");
    await expect(ask(engine, "die")).rejects.toMatchObject({ kind: "upstream" });
    await expect.poll(() => ask(engine, "b").catch(() => ""), { timeout: 5_000 }).toBe("b");
    expect((await starts()).length).toBe(2);
  });

  it("says that it cannot be started, and rests between tries", async () => {
    const { engine, starts } = start({ args: ["--broken"], restartAfter: 30 });
    const error = await ask(engine, "a").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: "upstream", message: "the model's server cannot be started" });
    expect((error as Error).cause).toMatchObject({ message: expect.stringContaining("ended with 3 at start: error: no such model") as string });
    await expect.poll(async () => (await starts()).length).toBeGreaterThan(1);
    await expect.poll(() => ask(engine, "a").catch((thrown: { kind: string }) => thrown.kind)).toBe("overloaded");
  });

  it("says that there is no such program", async () => {
    const { engine } = start({ binary: join(folder, "nowhere") });
    await expect(ask(engine, "a")).rejects.toMatchObject({ kind: "upstream", message: "the model's server cannot be started" });
  });

  it("gives up on one that is never ready", async () => {
    const { engine } = start({ startWithin: 60 });
    await expect(ask(engine, "a")).rejects.toMatchObject({ kind: "upstream" });
  });

  it("does not keep a caller who leaves while it starts", async () => {
    const { engine } = start();
    await expect(ask(engine, "a", AbortSignal.timeout(20))).rejects.toMatchObject({ kind: "canceled" });
    expect(engine.load().running).toBe(0);
    expect(await ask(engine, "b")).toBe("b");
  });

  it("is stopped with its engine, and not started again", async () => {
    const { engine, starts } = start();
    await ask(engine, "a");
    const port = Number(/--port (\d+)/.exec((await starts())[0] ?? "")?.[1]);
    await engine.close();
    await engine.close();
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow("fetch failed");
    await expect(ask(engine, "b")).rejects.toMatchObject({ kind: "overloaded" });
  });
});
