import { monitorEventLoopDelay } from "node:perf_hooks";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { FairQueue } from "../../src/lib/fair-queue.ts";
import { ImageReader, type PreparedImage } from "../../src/media/image.ts";
import { canvas, noise, png } from "./fixture.ts";
import { bomb, brokenImages, grayPng, oddImages } from "./hostile.ts";

const reader = (pixels = 100_000_000): ImageReader =>
  new ImageReader({ maxPixels: pixels, timeoutSeconds: 20 }, new FairQueue({ capacity: () => pixels * 1.5 }));
const work = (maxSide = 2016) => ({
  maxSide,
  param: "part",
  callerKeyId: "key-1",
  signal: new AbortController().signal,
});
const read = (bytes: Uint8Array, maxSide?: number): Promise<PreparedImage> => reader().read(bytes, work(maxSide));

describe("ImageReader", () => {
  it.each([
    ["png", "image/png", () => canvas(64, 40, "red").png().toBuffer()],
    ["jpeg", "image/jpeg", () => canvas(64, 40, "red").jpeg().toBuffer()],
    ["progressive jpeg", "image/jpeg", () => canvas(64, 40, "red").jpeg({ progressive: true }).toBuffer()],
    ["gif", "image/png", () => canvas(64, 40, "red").gif().toBuffer()],
    ["webp", "image/jpeg", () => canvas(64, 40, "red").webp().toBuffer()],
    ["webp with transparency", "image/png", () => canvas(64, 40, "red").ensureAlpha(0.9).webp().toBuffer()],
  ])("reads a %s as %s", async (_name, mime, make) => {
    const image = await read(await make());
    expect(image).toMatchObject({ mime, size: { width: 64, height: 40 } });
    expect(await sharp(image.bytes).metadata()).toMatchObject({ width: 64, height: 40, format: mime.slice(6) });
    expect(image.color.red).toBeGreaterThan(240);
    expect(image.color.green + image.color.blue).toBeLessThan(60);
  });

  it("hands a fitting PNG or JPEG on byte for byte", async () => {
    const bytes = await png(64, 40, "red");
    expect((await read(bytes)).bytes).toBe(bytes);
  });

  it.each([
    [4000, 3000, 672, "672x504"],
    [3000, 4000, 2016, "1512x2016"],
    [2016, 2016, 2016, "2016x2016"],
    [2017, 100, 2016, "2016x100"],
    [5000, 1, 28, "28x1"],
    [10, 10, 3584, "10x10"],
  ])("scales %dx%d to a long side of %d: %s", async (width, height, maxSide, size) => {
    const image = await read(await png(width, height, "blue"), maxSide);
    expect(`${image.size.width}x${image.size.height}`).toBe(size);
    const real = await sharp(image.bytes).metadata();
    expect(`${real.width}x${real.height}`).toBe(size);
  });

  it("turns a picture upright and forgets who took it", async () => {
    const left = await canvas(20, 20, "red").png().toBuffer();
    const tall = await canvas(40, 20, "blue")
      .composite([{ input: left, left: 0, top: 0 }])
      .jpeg({ chromaSubsampling: "4:4:4" })
      .withExif({ IFD0: { Artist: "somebody" } })
      .toBuffer();
    // the tag "orientation", one short number, little-endian: 1 becomes 6
    tall.writeUInt16LE(6, tall.indexOf(Buffer.from("1201030001000000", "hex")) + 8);
    expect(await sharp(tall).metadata()).toMatchObject({ width: 40, height: 20, orientation: 6 });
    const image = await read(tall);
    expect(image.size).toEqual({ width: 20, height: 40 });
    const { data, info } = await sharp(image.bytes).raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 20, height: 40 });
    const isRed = (x: number, y: number): boolean => (data[(y * 20 + x) * 3] ?? 0) > 128;
    // turned clockwise, the left half is on top
    expect([isRed(0, 0), isRed(19, 0), isRed(0, 39), isRed(19, 39)]).toEqual([true, true, false, false]);
    expect((await sharp(image.bytes).metadata()).exif).toBeUndefined();
  });

  it.each(["gif", "webp"] as const)("takes the first frame of an animated %s", async (format) => {
    const frames = await Promise.all(["lime", "red", "blue"].map((color) => png(30, 20, color)));
    const animation = await sharp(frames, { join: { animated: true } })
      .toFormat(format, { delay: [100, 100, 100] } as object)
      .toBuffer();
    expect((await sharp(animation).metadata()).pages).toBe(3);
    const image = await read(animation);
    expect(image).toMatchObject({ size: { width: 30, height: 20 } });
    expect(image.color.red + image.color.blue).toBeLessThan(20);
    expect(image.color.green).toBeGreaterThan(240);
  });

  it("tells the main color, not the mean", async () => {
    const inset = await png(30, 30, "blue");
    const picture = await canvas(100, 100, "yellow")
      .composite([{ input: inset, left: 0, top: 0 }])
      .png()
      .toBuffer();
    expect((await read(picture)).color).toEqual({ red: 255, green: 255, blue: 0 });
  });

  it("decodes up to the bound on pixels and not one more", async () => {
    expect((await reader(600).read(await png(30, 20, "red"), work())).size.width).toBe(30);
    await expect(reader(599).read(await png(30, 20, "red"), work())).rejects.toMatchObject({
      kind: "invalid",
      message: "part: has 600 pixels; at most 599 are decoded",
    });
  });

  it("ends when the caller goes away while others are decoded", async () => {
    const decoding = new FairQueue({ capacity: () => 1 });
    const abort = new AbortController();
    let release = (): void => undefined;
    const busy = decoding.run(
      { owner: "other" },
      new AbortController().signal,
      () => new Promise<void>((resolve) => (release = resolve)),
    );
    const pending = new ImageReader({ maxPixels: 1e6, timeoutSeconds: 20 }, decoding).read(await png(9, 9, "red"), {
      ...work(),
      signal: abort.signal,
    });
    setTimeout(() => abort.abort(), 10);
    await expect(pending).rejects.toMatchObject({ name: "AbortError" });
    release();
    await busy;
  });
});

describe("broken and hostile files", async () => {
  const broken = await brokenImages();
  const odd = await oddImages();

  it.each(broken)("refuses: %s", async (_name, bytes) => {
    const start = performance.now();
    await expect(read(bytes)).rejects.toMatchObject({
      kind: "invalid",
      param: "part",
      message: /^part: (is not|has \d+ pixels)/,
    });
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it.each(odd)("takes: %s", async (_name, bytes) => {
    const image = await read(bytes);
    expect(Math.max(image.size.width, image.size.height)).toBeLessThanOrEqual(2016);
    expect(["image/png", "image/jpeg"]).toContain(image.mime);
  });

  it("leaves no memory behind", async () => {
    const all = [...broken, ...odd];
    const round = async (): Promise<void> => {
      await Promise.all(all.map(([, bytes]) => read(bytes).catch(() => undefined)));
    };
    await round();
    const before = process.memoryUsage();
    for (let count = 0; count < 4; count += 1) await round();
    const after = process.memoryUsage();
    expect(after.rss - before.rss).toBeLessThan(200e6);
  });

  it("never holds the event loop, bombs and large pictures together", { retry: 2 }, async () => {
    const large = await noise(600, 400).resize(6000, 4000, { kernel: "nearest" }).jpeg({ quality: 50 }).toBuffer();
    const inflating = grayPng(9_000, 9_000, bomb(9_000 * 1_126));
    const one = reader();
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const images = await Promise.all([large, inflating, large, inflating].map((bytes) => one.read(bytes, work())));
    delay.disable();
    expect(images.map(({ size }) => size.width)).toEqual([2016, 2016, 2016, 2016]);
    expect(delay.percentile(99) / 1e6).toBeLessThan(50);
  });
});
