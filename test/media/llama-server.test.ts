/**
 * The whole way into a real engine: a llama-server with the built-in text model and a vision tower of our own making.
 * Runs where PARLEY_LLAMA_SERVER names the program.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type Running } from "../e2e/start.ts";
import { blue, canvas, clip, dataUrl, png, red } from "./fixture.ts";
import { tinyProjector } from "./projector.ts";

const program = process.env["PARLEY_LLAMA_SERVER"];
const textModel = fileURLToPath(new URL("../../model/tiny-chat.gguf", import.meta.url));
/** The text model's. */
const embedding = 256;

describe.runIf(program !== undefined)("llama-server with a vision tower", () => {
  let folder: string;
  let engine: ChildProcess;
  let parley: Running | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "parley-llama-"));
    const projector = join(folder, "projector.gguf");
    await writeFile(projector, tinyProjector(embedding));
    const port = await freePort();
    const where = ["--host", "127.0.0.1", "--port", String(port)];
    const args = ["-m", textModel, "--mmproj", projector, "-t", "1", "-c", "2048", "-np", "1", "--jinja", ...where];
    engine = spawn(program ?? "", args, { stdio: "ignore" });
    while (!(await healthy(port))) await setTimeout(100);
    const url = `http://127.0.0.1:${port}/v1`;
    parley = await startServer({ engines: { far: { kind: "upstream", url, dialect: "llama-server" } } });
  }, 30_000);

  afterAll(async () => {
    await parley?.stop();
    engine.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });

  const promptTokens = async (...parts: unknown[]): Promise<number> => {
    const content = [{ type: "text", text: "What is this?" }, ...parts] as never;
    const answer = await (parley as Running).openai.chat.completions.create({
      model: "MiniMax-M3",
      max_completion_tokens: 4,
      messages: [{ role: "user", content }],
    });
    expect(answer.choices[0]?.finish_reason).toMatch(/^(stop|length)$/);
    return answer.usage?.prompt_tokens ?? 0;
  };
  const image = async (width: number, height: number, more: object = {}): Promise<unknown> => {
    return { type: "image_url", image_url: { url: dataUrl("image/png", await png(width, height, "red")), ...more } };
  };

  it("counts the tokens of images by the documented formula", async () => {
    const without = (await promptTokens(await image(448, 448))) - 16 * 16;
    expect(await promptTokens(await image(640, 360))).toBe(without + 23 * 13);
    expect(await promptTokens(await image(2000, 1000, { detail: "low" }))).toBe(without + 24 * 12);
    expect(await promptTokens(await image(2000, 1000, { max_long_side_pixel: 504 }))).toBe(without + 18 * 9);
  });

  it("reads formats that only we decode", async () => {
    const bytes = await canvas(448, 448, "blue").webp({ lossless: true }).toBuffer();
    const webp = { type: "image_url", image_url: { url: dataUrl("image/webp", bytes) } };
    expect(await promptTokens(webp)).toBe(await promptTokens(await image(448, 448)));
  });

  it("is shown a video as frames", async () => {
    const film = await clip({ extension: "mp4", colors: [red, blue], width: 448, height: 224 });
    const one = { type: "video_url", video_url: { url: dataUrl("video/mp4", film), fps: 0.5 } };
    const two = { type: "video_url", video_url: { url: dataUrl("video/mp4", film), fps: 1 } };
    expect((await promptTokens(two)) - (await promptTokens(one))).toBeGreaterThanOrEqual(16 * 8);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

async function healthy(port: number): Promise<boolean> {
  return await fetch(`http://127.0.0.1:${port}/health`).then(
    (response) => response.ok,
    () => false,
  );
}
