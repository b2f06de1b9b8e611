/** What upstream servers of each dialect are sent, and which engines are not asked at all. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import sharp from "sharp";
import { scriptBatches, scriptEngine } from "../support/script-engine.ts";
import type { Capabilities } from "../../src/engine/engine.ts";
import { doneFrame, fakeServer, frame, sse, usageFrame, type FakeServer } from "../engine/upstream/fake.ts";
import { blue, clip, dataUrl, lime, png, red } from "../media/fixture.ts";
import { startServer, testKey, type Running } from "./start.ts";

let upstream: FakeServer;
let movie: Buffer;
const started: Running[] = [];

beforeAll(async () => {
  movie = await clip({ extension: "mov", colors: [red, lime, blue] });
  upstream = await fakeServer((_asked, response) => {
    sse(response).end(frame({ role: "assistant", content: "ok" }) + frame({}, "stop") + usageFrame(9, 1) + doneFrame);
  });
});
afterAll(async () => {
  for (const one of started) await one.stop();
  await upstream.close();
});

async function start(...options: Parameters<typeof startServer>): Promise<Running> {
  const running = await startServer(...options);
  started.push(running);
  return running;
}

interface SentPart {
  type: string;
  text?: string;
  image_url?: { url: string; detail?: string };
  video_url?: { url: string; detail?: string; fps?: number };
}

/** The content parts that an upstream of this dialect gets. */
async function sent(dialect: string, parts: unknown[]): Promise<SentPart[]> {
  const parley = await start({ engines: { far: { kind: "upstream", url: upstream.url, dialect } } });
  await parley.openai.chat.completions.create({
    model: "MiniMax-M3",
    messages: [{ role: "user", content: [{ type: "text", text: "What?" }, ...parts] as never }],
  });
  const messages = upstream.asked.at(-1)?.body["messages"] as { content: SentPart[] }[] | undefined;
  return messages?.at(-1)?.content ?? [];
}

const film = (): unknown => ({
  type: "video_url",
  video_url: { url: dataUrl("video/quicktime", movie), fps: 1, detail: "low" },
});

const picture = async (color: string): Promise<unknown> => ({
  type: "image_url",
  image_url: { url: dataUrl("image/webp", await png(1000, 500, color)), detail: "low" },
});

function pixels(url: string | undefined): Promise<{ width: number; height: number }> {
  return sharp(Buffer.from((url ?? "").replace(/^data:image\/(?:png|jpeg);base64,/, ""), "base64")).metadata();
}

describe("delivery", () => {
  it.each(["generic", "llama-server", "vllm", "minimax"])(
    "sends %s images as data URLs, already scaled",
    async (dialect) => {
      const [text, image] = await sent(dialect, [await picture("red")]);
      expect(text).toEqual({ type: "text", text: "What?" });
      expect(image).toMatchObject({ type: "image_url", image_url: { detail: "low" } });
      expect(await pixels(image?.image_url?.url)).toMatchObject({ width: 672, height: 336 });
    },
  );

  it.each(["generic", "llama-server"])("sends %s a video as frames with their times", async (dialect) => {
    const parts = await sent(dialect, [film()]);
    expect(parts.map((part) => part.text ?? part.type)).toEqual([
      "What?",
      "[0.0 s]",
      "image_url",
      "[1.0 s]",
      "image_url",
      "[2.0 s]",
      "image_url",
    ]);
    expect(await pixels(parts[2]?.image_url?.url)).toMatchObject({ width: 320, height: 240 });
  });

  it("sends vLLM the video itself", async () => {
    const [, video] = await sent("vllm", [film()]);
    expect(video).toEqual({ type: "video_url", video_url: { url: dataUrl("video/mov", movie) } });
  });

  it("sends the vendor the video itself, with what the caller asked", async () => {
    const [, video] = await sent("minimax", [film()]);
    expect(video).toEqual({
      type: "video_url",
      video_url: { url: dataUrl("video/mov", movie), detail: "low", fps: 1 },
    });
  });
});

describe("one Parley behind another", () => {
  it("sees the same pixels and counts the same tokens", async () => {
    const far = await start({ engine: "sim" });
    const engines = { far: { kind: "upstream", url: `${far.url}/v1`, dialect: "parley", key: testKey } };
    const near = await start({ engines });
    const url = dataUrl("image/png", await png(1400, 700, "blue"));
    const input = [
      {
        role: "user" as const,
        content: [
          { type: "input_image" as const, image_url: url, detail: "low" as const },
          { type: "input_video", video_url: { url: dataUrl("video/quicktime", movie), fps: 2 } } as never,
        ],
      },
    ];
    const answers = [];
    for (const { openai } of [far, near]) {
      const answer = await openai.responses.create({ model: "MiniMax-M3", input });
      const { input_tokens } = await openai.responses.inputTokens.count({ model: "MiniMax-M3", input });
      answers.push({ text: answer.output_text, input_tokens });
    }
    expect(answers[0]?.text).toContain("672x336, mostly blue");
    expect(answers[0]?.text).toContain("320x240, seen as 6 frames, mostly red, then green, then blue");
    expect(answers[0]?.input_tokens).toBeGreaterThan(24 * 12 + 6 * 11 * 9);
    expect(answers[1]?.text).toBe(answers[0]?.text);
    expect(answers[1]?.input_tokens).toBe(answers[0]?.input_tokens);
  });
});

describe("engines that cannot see", () => {
  const engine = (capabilities: Partial<Capabilities>, text: string) =>
    scriptEngine({ batches: scriptBatches({ text }), capabilities });
  const blind = { image: false, video: "none" } as const;
  const ask = async (parley: Running, part: unknown): Promise<{ status: number; body: string }> => {
    const messages = [{ role: "user", content: [{ type: "text", text: "hi" }, part] }];
    const body = JSON.stringify({ model: "MiniMax-M3", stream: true, messages });
    const response = await parley.call("/v1/chat/completions", { method: "POST", body });
    return { status: response.status, body: await response.text() };
  };

  it("answer 400 and name the part, without being asked", async () => {
    const one = engine(blind, "never");
    const parley = await start({}, { engines: new Map([["one", one]]) });
    const image = await ask(parley, await picture("red"));
    expect(image).toMatchObject({ status: 400 });
    expect(image.body).toMatch(/messages\[0\]\.content\[1\]\.image_url: the engine .* does not take image input/);
    expect((await ask(parley, film())).body).toMatch(
      /content\[1\]\.video_url: the engine .* does not take video input/,
    );
    expect(one.requests).toEqual([]);
  });

  it("leave the request to the next one that can", async () => {
    const engines = new Map([
      ["one", engine(blind, "blind")],
      ["two", engine({}, "seeing")],
    ]);
    const models = { "MiniMax-M3": { engine: ["one", "two"] } };
    const configured = { one: { kind: "sim" }, two: { kind: "sim" } };
    const parley = await start({ engines: configured, models }, { engines });
    expect((await ask(parley, await picture("red"))).body).toContain("seeing");
  });

  it("are the built-in model and the text models of the vendor", async () => {
    const parley = await start();
    expect((await ask(parley, await picture("red"))).body).toContain("does not take image input");
    const body = { model: "MiniMax-M2.7", messages: [{ role: "user", content: [await picture("red")] }] };
    const response = await parley.call("/v1/chat/completions", { method: "POST", body: JSON.stringify(body) });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("does not support image input");
  });
});
