import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { mediaSentences } from "../../../src/engine/sim/media.ts";
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
