import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { mediaSentences, mediaTokens, sniffSize } from "../../../src/engine/sim/media.ts";
import type { ImagePart, Media, VideoPart } from "../../../src/model/item.ts";

const canvas = sharp({ create: { width: 64, height: 40, channels: 3, background: "red" } });
const bytes = (mime: string, data: Uint8Array): Media => ({ kind: "bytes", mime, bytes: data });
const image = (media: Media, more: Partial<ImagePart> = {}): ImagePart => ({
  type: "image",
  media,
  detail: "default",
  ...more,
});
const video = (more: Partial<VideoPart> = {}): VideoPart => ({
  type: "video",
  media: bytes("video/mp4", new Uint8Array(4)),
  detail: "default",
  fps: 1,
  ...more,
});

describe("sniffSize", () => {
  it.each([
    ["png", () => canvas.clone().png().toBuffer()],
    ["jpeg", () => canvas.clone().jpeg().toBuffer()],
    ["progressive jpeg", () => canvas.clone().jpeg({ progressive: true }).toBuffer()],
    ["gif", () => canvas.clone().gif().toBuffer()],
    ["lossy webp", () => canvas.clone().webp().toBuffer()],
    ["lossless webp", () => canvas.clone().webp({ lossless: true }).toBuffer()],
  ])("reads the size of a %s", async (_, make) => {
    expect(sniffSize(await make())).toEqual({ width: 64, height: 40 });
  });

  it("reads the size of an extended webp", async () => {
    const data = await canvas
      .clone()
      .ensureAlpha(0.5)
      .withExif({ IFD0: { Copyright: "x" } })
      .webp()
      .toBuffer();
    expect(data.toString("latin1", 12, 16)).toBe("VP8X");
    expect(sniffSize(data)).toEqual({ width: 64, height: 40 });
  });

  it("says nothing of anything else, however short or broken", () => {
    for (const data of [[], [0xff, 0xd8], [0xff, 0xd8, 0xff, 0xff, 0xff, 0xc0, 0, 0, 0, 0, 0, 0], [1, 2, 3, 4]]) {
      expect(sniffSize(new Uint8Array(data))).toBeUndefined();
    }
    expect(sniffSize(new TextEncoder().encode("RIFF....WEBPXXXX..................."))).toBeUndefined();
  });
});

describe("mediaSentences", () => {
  it("prefer the size after preparation to the one in the bytes", async () => {
    const data = await canvas.clone().png().toBuffer();
    expect(mediaSentences([image(bytes("image/png", data))])).toEqual(["Image 1 is image/png, 64x40."]);
    expect(mediaSentences([image(bytes("image/png", data), { size: { width: 32, height: 20 } })])).toEqual([
      "Image 1 is image/png, 32x20.",
    ]);
  });

  it("read a data URL and know little of other places", async () => {
    const data = await canvas.clone().gif().toBuffer();
    const inline = image({ kind: "url", url: `data:image/GIF;base64,${data.toString("base64")}` });
    expect(mediaSentences([inline, image({ kind: "url", url: "https://example.com/a.png" })])).toEqual([
      "There are 2 images.",
      "Image 1 is image/gif, 64x40.",
      "Image 2 is unknown, of unknown size.",
    ]);
  });

  it("count the frames of a video and take their size", async () => {
    const frame = { at: 0, mime: "image/png", bytes: await canvas.clone().png().toBuffer() };
    expect(mediaSentences([video({ frames: [frame, { ...frame, at: 1.5 }] })])).toEqual([
      "Video 1 is video/mp4, 64x40, seen as 2 frames, the last at 1.5 s.",
    ]);
    expect(mediaSentences([video()])).toEqual(["Video 1 is video/mp4, of unknown size."]);
  });
});

describe("mediaTokens", () => {
  const sized = (width: number, height: number, more: Partial<ImagePart> = {}): number =>
    mediaTokens(image({ kind: "file", fileId: "f" }, { size: { width, height }, ...more }));

  it("follows the vendor's published samples", () => {
    expect(sized(672, 672)).toBe(576);
    expect(sized(2000, 1334)).toBe(71 * 48);
    expect(sized(3000, 2000)).toBe(72 * 48);
  });

  it("grows with the detail and with the long side allowed", () => {
    const details = (["low", "default", "high"] as const).map((detail) => sized(4_000, 4_000, { detail }));
    expect(details).toEqual([24 ** 2, 72 ** 2, 128 ** 2]);
    const sides = [252, 504, 1_008].map((maxLongSide) => sized(2_000, 2_000, { maxLongSide }));
    expect(sides).toEqual([81, 324, 1_296]);
  });

  it("never counts a picture as nothing", () => {
    expect(sized(1, 1)).toBe(16);
    expect(sized(10_000, 1)).toBeGreaterThan(0);
  });
});
