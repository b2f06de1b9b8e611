import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { imageSize } from "../../src/lib/sniff.ts";

const canvas = sharp({ create: { width: 64, height: 40, channels: 3, background: "red" } });

describe("imageSize", () => {
  it.each([
    ["png", () => canvas.clone().png().toBuffer()],
    ["jpeg", () => canvas.clone().jpeg().toBuffer()],
    ["progressive jpeg", () => canvas.clone().jpeg({ progressive: true }).toBuffer()],
    ["gif", () => canvas.clone().gif().toBuffer()],
    ["lossy webp", () => canvas.clone().webp().toBuffer()],
    ["lossless webp", () => canvas.clone().webp({ lossless: true }).toBuffer()],
  ])("reads the size of a %s", async (_, make) => {
    expect(imageSize(await make())).toEqual({ width: 64, height: 40 });
  });

  it("reads the size of an extended webp", async () => {
    const data = await canvas
      .clone()
      .ensureAlpha(0.5)
      .withExif({ IFD0: { Copyright: "x" } })
      .webp()
      .toBuffer();
    expect(data.toString("latin1", 12, 16)).toBe("VP8X");
    expect(imageSize(data)).toEqual({ width: 64, height: 40 });
  });

  it("gives nothing for anything else, however short or broken", () => {
    for (const data of [[], [0xff, 0xd8], [0xff, 0xd8, 0xff, 0xff, 0xff, 0xc0, 0, 0, 0, 0, 0, 0], [1, 2, 3, 4]]) {
      expect(imageSize(new Uint8Array(data))).toBeUndefined();
    }
    expect(imageSize(new TextEncoder().encode("RIFF....WEBPXXXX..................."))).toBeUndefined();
  });
});
