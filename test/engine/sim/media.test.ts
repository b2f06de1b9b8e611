import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { describeMedia } from "../../../src/engine/sim/media.ts";
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

describe("describeMedia", () => {
  it("prefers the size after preparation to the one in the bytes", async () => {
    const data = await canvas.clone().png().toBuffer();
    expect(describeMedia(image(bytes("image/png", data)))).toEqual({
      kind: "image",
      mime: "image/png",
      size: { width: 64, height: 40 },
    });
    expect(describeMedia(image(bytes("image/png", data), { size: { width: 32, height: 20 } })).size).toEqual({
      width: 32,
      height: 20,
    });
  });

  it("reads a data URL and knows little of other places", async () => {
    const data = await canvas.clone().gif().toBuffer();
    const inline = image({ kind: "url", url: `data:image/GIF;base64,${data.toString("base64")}` });
    expect(describeMedia(inline)).toEqual({ kind: "image", mime: "image/gif", size: { width: 64, height: 40 } });
    expect(describeMedia(image({ kind: "url", url: "https://example.com/a.png" }))).toEqual({
      kind: "image",
      mime: "unknown",
    });
  });

  it("counts the frames of a video and takes their size", async () => {
    const frame = { at: 0, mime: "image/png", bytes: await canvas.clone().png().toBuffer() };
    expect(describeMedia(video({ frames: [frame, { ...frame, at: 1 }] }))).toEqual({
      kind: "video",
      mime: "video/mp4",
      size: { width: 64, height: 40 },
      frames: 2,
    });
    expect(describeMedia(video())).toEqual({ kind: "video", mime: "video/mp4" });
  });
});
