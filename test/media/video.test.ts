import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { readFacts } from "../../src/media/ffmpeg.ts";
import { FairQueue } from "../../src/lib/fair-queue.ts";
import { planSampling } from "../../src/media/video-job.ts";
import { ProcessVideoReader, type VideoReaderOptions } from "../../src/media/video.ts";
import type { Frame } from "../../src/model/item.ts";
import { blue, canvas, clip, lime, png, red, type Clip } from "./fixture.ts";

let folder = "";
/** Folders of readings that are over. */
const left = async (): Promise<string[]> => (await readdir(folder)).filter((name) => name.startsWith("parley-video-"));
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-test-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function reader(options: Partial<VideoReaderOptions> = {}): ProcessVideoReader {
  const slots = new FairQueue({ capacity: () => 2 });
  return new ProcessVideoReader({ timeoutMs: 15_000, memoryBytes: 1e9, ffmpeg: undefined, slots, ...options });
}

const work = { maxSide: 672, fps: 1, param: "part", callerKeyId: "key-1", signal: new AbortController().signal };
const read = (bytes: Uint8Array, more: Partial<typeof work> = {}): Promise<readonly Frame[]> =>
  reader().read(bytes, { ...work, ...more });

/** The strongest channel of a frame's pixels, decoded again. */
async function look(frame: Frame): Promise<{ at: number; color: string; size: string }> {
  const { data, info } = await sharp(frame.bytes).raw().toBuffer({ resolveWithObject: true });
  const [r = 0, g = 0, b = 0] = data;
  const color = r > 200 && g < 80 ? "red" : g > 200 && r < 80 ? "lime" : b > 200 && r < 80 ? "blue" : `${r} ${g} ${b}`;
  return { at: frame.at, color, size: `${info.width}x${info.height}` };
}

describe("ProcessVideoReader", () => {
  const kinds: Clip[] = [
    { extension: "mp4", codec: "h264", colors: [red, lime, blue] },
    { extension: "mp4", codec: "h265", colors: [red, lime, blue] },
    { extension: "mov", codec: "h264", colors: [red, lime, blue] },
    { extension: "mkv", codec: "h264", colors: [red, lime, blue] },
    { extension: "avi", codec: "mpeg4", colors: [red, lime, blue] },
    { extension: "webm", codec: "vp8", colors: [red, lime, blue], width: 64, height: 48, rate: 2 },
  ];

  it.each(kinds)("reads $extension with $codec: one frame a second, with its time", async (kind) => {
    const frames = await read(await clip(kind));
    const size = `${kind.width ?? 320}x${kind.height ?? 240}`;
    expect(await Promise.all(frames.map(look))).toEqual([
      { at: 0, color: "red", size },
      { at: 1, color: "lime", size },
      { at: 2, color: "blue", size },
    ]);
    expect(frames.map(({ color }) => color?.red)).toEqual([
      expect.closeTo(255, -1),
      expect.closeTo(0, -1),
      expect.closeTo(0, -1),
    ]);
  });

  it.each([0.2, 0.5, 1])("takes the first frame of a clip shorter than a step (fps %s)", async (fps) => {
    const frames = await read(await clip({ extension: "mp4", colors: [lime], rate: 2 }), { fps });
    expect(await Promise.all(frames.map(look))).toEqual([{ at: 0, color: "lime", size: "320x240" }]);
  });

  it("takes the last frame that a step begins with", async () => {
    const colors = [...Array.from({ length: 10 }, () => red), blue, blue];
    const frames = await read(await clip({ extension: "mp4", colors }), { fps: 0.2 });
    expect((await Promise.all(frames.map(look))).map(({ at, color }) => [at, color])).toEqual([
      [0, "red"],
      [5, "red"],
      [10, "blue"],
    ]);
  });

  it("samples as often and as large as asked", async () => {
    const bytes = await clip({
      extension: "mp4",
      colors: Array.from({ length: 10 }, () => blue),
      width: 640,
      height: 360,
    });
    const seldom = await read(bytes, { fps: 0.2, maxSide: 224 });
    expect(seldom.map(({ at }) => at)).toEqual([0, 5]);
    expect(await look(seldom[0] as Frame)).toMatchObject({ size: "224x126" });
    const often = await read(bytes, { fps: 5, maxSide: 28 });
    expect(often).toHaveLength(50);
    expect(often.at(-1)?.at).toBe(9.8);
  });

  it("shows a clip upright that was held sideways", async () => {
    const bytes = await clip({ extension: "mp4", colors: [red], width: 320, height: 160, half: true });
    const seen = [];
    for (const matrix of [
      [1, 0, 0, 1],
      [0, 1, -1, 0],
      [-1, 0, 0, -1],
      [0, -1, 1, 0],
    ] as const) {
      const [frame] = await read(turned(bytes, matrix));
      seen.push(await side(frame as Frame));
    }
    expect(seen).toEqual(["red left", "red top", "red right", "red bottom"]);
  });

  it("leaves nothing behind, and does not hold the event loop", { retry: 2 }, async () => {
    vi.stubEnv("TMPDIR", folder);
    const bytes = await clip({ extension: "mp4", colors: [red, lime, blue], width: 1280, height: 720 });
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    expect(await read(bytes, { fps: 5 })).toHaveLength(15);
    delay.disable();
    expect(delay.percentile(99) / 1e6).toBeLessThan(50);
    expect(await left()).toEqual([]);
  });
});

describe("bounds", () => {
  it("ends a process that takes too long, or too much memory", async () => {
    vi.stubEnv("TMPDIR", folder);
    const bytes = await clip({ extension: "mp4", colors: [red] });
    await expect(reader({ timeoutMs: 20 }).read(bytes, work)).rejects.toMatchObject({
      ...{ kind: "invalid", param: "part", message: "part: takes longer than 0.02 seconds to read" },
    });
    await expect(reader({ memoryBytes: 2e7 }).read(bytes, work)).rejects.toMatchObject({
      ...{ kind: "invalid", param: "part", message: "part: takes more than 20000000 bytes of memory to read" },
    });
    expect(await left()).toEqual([]);
  });

  it("ends with the caller", async () => {
    const abort = new AbortController();
    const pending = read(await clip({ extension: "mp4", colors: [red] }), { signal: abort.signal });
    setTimeout(() => abort.abort(), 60);
    await expect(pending).rejects.toMatchObject({ name: "AbortError" });
  });

  it.each([
    [
      "all frames",
      { width: 640, height: 360, duration: 10 },
      { fps: 1, maxSide: 672 },
      { fps: 1, width: 640, height: 360 },
    ],
    ["even sides", { width: 101, height: 51, duration: 1 }, { fps: 1, maxSide: 672 }, { width: 100, height: 50 }],
    [
      "the long side",
      { width: 1080, height: 1920, duration: 1 },
      { fps: 1, maxSide: 504 },
      { width: 284, height: 504 },
    ],
    [
      "half an hour",
      { width: 320, height: 240, duration: 1800 },
      { fps: 1, maxSide: 672 },
      { fps: 1, width: 320, height: 240 },
    ],
    [
      "an hour: less often",
      { width: 320, height: 240, duration: 3600 },
      { fps: 1, maxSide: 672 },
      { fps: 0.5, width: 320 },
    ],
    [
      "many pixels: smaller",
      { width: 1280, height: 720, duration: 1800 },
      { fps: 1, maxSide: 1280 },
      { width: 544, height: 306 },
    ],
    [
      "no duration told",
      { width: 320, height: 240, duration: 0 },
      { fps: 5, maxSide: 672 },
      { fps: 5, width: 320, frames: 1800 },
    ],
    [
      "a short clip: every frame",
      { width: 1920, height: 1080, duration: 60 },
      { fps: 1, maxSide: 672 },
      { skip: "none" },
    ],
    [
      "a longer one: what others need",
      { width: 1920, height: 1080, duration: 240 },
      { fps: 1, maxSide: 672 },
      { skip: "noref" },
    ],
    ["a film: key frames", { width: 1920, height: 1080, duration: 1800 }, { fps: 1, maxSide: 672 }, { skip: "nokey" }],
    ["a speck", { width: 1, height: 1, duration: 1 }, { fps: 1, maxSide: 672 }, { width: 16, height: 16 }],
  ])("plans for %s", (_name, facts, wanted, plan) => {
    const made = planSampling({ rate: 30, ...facts }, wanted);
    expect(made).toMatchObject(plan);
    expect(made.frames).toBeLessThanOrEqual(1_800);
    expect(made.frames * made.width * made.height).toBeLessThanOrEqual(301_056_000);
  });
});

describe("broken and hostile files", () => {
  let whole: Buffer;
  let matroska: Buffer;
  beforeAll(async () => {
    whole = await clip({ extension: "mp4", colors: [red, lime, blue] });
    matroska = await clip({ extension: "mkv", colors: [red, lime, blue] });
  });

  const header = (text: string): Buffer => Buffer.concat([Buffer.from(text, "latin1"), Buffer.alloc(500)]);
  const playlist = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n";
  const bad: [string, () => Buffer | Promise<Buffer>][] = [
    ["nothing", () => Buffer.alloc(0)],
    ["an image", () => png(4, 4, "red")],
    ["a playlist that names a local file", () => Buffer.from(playlist)],
    ["a script that names a local file", () => Buffer.from("ffconcat version 1.0\nfile /etc/passwd\n")],
    ["an mp4 brand and zeros", () => header("\0\0\0\x18ftypisom")],
    ["an mp4 brand and a playlist", () => Buffer.concat([header("\0\0\0\x18ftypisom"), Buffer.from(playlist)])],
    ["an avi start and zeros", () => header("RIFF\xff\xff\xff\x7fAVI LIST")],
    ["a matroska start and zeros", () => header("\x1a\x45\xdf\xa3\x01\xff\xff\xff")],
    ["an mp4 cut before its index", () => whole.subarray(0, Math.floor(whole.length * 0.3))],
    ["an mp4 whose index is noise", () => scramble(whole, whole.indexOf("moov") + 8, whole.length)],
    ["a matroska cut in its header", () => matroska.subarray(0, 60)],
    ["sound only", sound],
  ];

  it.each(bad)("refuses: %s", async (_name, make) => {
    const message = /^part: (is not a video|holds no video that can be read)/;
    await expect(read(await make())).rejects.toMatchObject({ kind: "invalid", message });
  });

  it("reads what is left of a file that breaks off in its pictures", async () => {
    const frames = await read(matroska.subarray(0, Math.floor(matroska.length * 0.8)));
    expect(frames.length).toBeGreaterThan(0);
    expect(frames.length).toBeLessThanOrEqual(3);
  });

  it("survives noise inside of the pictures", async () => {
    const bytes = await clip({ extension: "avi", codec: "mpeg4", colors: [red, lime, blue] });
    for (const start of [0.3, 0.5, 0.7]) {
      const from = Math.floor(bytes.length * start);
      const outcome = await read(scramble(bytes, from, from + 400)).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome.message).toMatch(/^part: /);
      else expect((outcome as Frame[]).length).toBeGreaterThan(0);
    }
  });
});

describe("a system's ffmpeg", () => {
  const told = [
    "Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'video':",
    "  Duration: 00:01:02.50, start: 0.000000, bitrate: 5 kb/s",
    "  Stream #0:0[0x1](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p(progressive), 320x240, 3 kb/s, 5 fps",
  ].join("\n");

  it("is asked for size and length", () => {
    expect(readFacts(told)).toEqual({ width: 320, height: 240, duration: 62.5, rate: 5 });
    expect(readFacts(`${told}\n    displaymatrix: rotation of -90.00 degrees`)).toMatchObject({
      width: 240,
      height: 320,
    });
    expect(readFacts(told.replace("00:01:02.50", "N/A"))).toMatchObject({ duration: 0 });
    expect(readFacts("Stream #0:1: Audio: aac, 44100 Hz")).toBeUndefined();
    expect(readFacts("")).toBeUndefined();
  });

  it("gives pictures one after another, with their times", async () => {
    const pictures = await Promise.all(["red", "blue"].map((color) => canvas(32, 24, color).jpeg().toBuffer()));
    const command = await standIn(`
      if (!process.argv.includes("image2pipe")) { process.stderr.write(${JSON.stringify(told)}); process.exit(1); }
      process.stdout.write(Buffer.from("${Buffer.concat(pictures).toString("base64")}", "base64"));
      process.stderr.write(process.argv.join(" "));
    `);
    const bytes = await clip({ extension: "mp4", colors: [red] });
    const frames = await reader({ ffmpeg: command }).read(bytes, { ...work, fps: 0.5 });
    expect(await Promise.all(frames.map(look))).toEqual([
      { at: 0, color: "red", size: "32x24" },
      { at: 2, color: "blue", size: "32x24" },
    ]);
  });

  it("may fail, be cut off or be missing", async () => {
    const bytes = await clip({ extension: "mp4", colors: [red] });
    const ask = async (script: string): Promise<unknown> =>
      await reader({ ffmpeg: await standIn(script), timeoutMs: 1_000 }).read(bytes, work);
    await expect(ask("process.exit(1)")).rejects.toThrow("part: holds no video that can be read");
    await expect(ask(`process.stderr.write(${JSON.stringify(told)})`)).rejects.toThrow(
      "holds no video that can be read",
    );
    await expect(ask("setInterval(() => process.stdout.write('x'), 1)")).rejects.toThrow("takes longer than 1 seconds");
    const endless = "const more = () => process.stdout.write(Buffer.alloc(1 << 20), more); more();";
    await expect(ask(endless)).rejects.toThrow("part: ");
    await expect(reader({ ffmpeg: join(folder, "none") }).read(bytes, work)).rejects.toMatchObject({
      kind: "internal",
    });
  });
});

/** A command of our own in ffmpeg's place. */
async function standIn(script: string): Promise<string> {
  const path = join(folder, `ffmpeg-${randomUUID()}.cjs`);
  await writeFile(path, `#!${process.execPath}\n${script}\n`);
  await chmod(path, 0o700);
  return path;
}

function scramble(bytes: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.from(bytes);
  for (let at = from, state = 7; at < Math.min(to, copy.length); at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    copy[at] = state >>> 24;
  }
  return copy;
}

/** Where a picture that is half black is red. */
async function side(frame: Frame): Promise<string> {
  const { data, info } = await sharp(frame.bytes)
    .resize(3, 3, { fit: "fill", kernel: "nearest" })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const isRed = (x: number, y: number): boolean => (data[(y * 3 + x) * info.channels] ?? 0) > 128;
  const [topLeft, topRight, bottomLeft] = [isRed(0, 0), isRed(2, 0), isRed(0, 2)];
  if (topLeft && topRight) return "red top";
  if (topLeft && bottomLeft) return "red left";
  return topRight ? "red right" : "red bottom";
}

/** The same clip with another matrix in its track's header. */
function turned(bytes: Buffer, matrix: readonly [number, number, number, number]): Buffer {
  const copy = Buffer.from(bytes);
  const start = copy.indexOf("tkhd") + 44;
  for (const [place, at] of [0, 4, 12, 16].entries()) copy.writeInt32BE((matrix[place] ?? 0) * 65_536, start + at);
  return copy;
}

/** A QuickTime file without a track of pictures: only an empty index. */
function sound(): Buffer {
  const brand = Buffer.from("\0\0\0\x14ftypqt  \0\0\0\0qt  ", "latin1");
  const index = Buffer.from("\0\0\0\x08moov", "latin1");
  return Buffer.concat([brand, index]);
}
