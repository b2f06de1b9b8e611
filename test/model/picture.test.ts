import { describe, expect, it } from "vitest";
import type { ImagePart, VideoPart } from "../../src/model/item.ts";
import { longSideOf, mediaTokens, patchTokens, scaledSize, seenTokens } from "../../src/model/picture.ts";

const media = { kind: "url", url: "https://example.test/a" } as const;
const image = (more: Partial<ImagePart> = {}): ImagePart => ({ type: "image", media, detail: "default", ...more });
const video = (more: Partial<VideoPart> = {}): VideoPart => ({
  type: "video",
  media,
  detail: "default",
  fps: 1,
  ...more,
});

describe("longSideOf", () => {
  it.each([
    [image({ detail: "low" }), 672],
    [image(), 2016],
    [image({ detail: "high" }), 3584],
    [video({ detail: "low" }), 504],
    [video(), 672],
    [video({ detail: "high" }), 1280],
    [image({ maxLongSide: 1 }), 28],
    [image({ maxLongSide: 55 }), 28],
    [image({ maxLongSide: 56 }), 56],
    [image({ maxLongSide: 9999 }), 3584],
    [image({ maxLongSide: 1008, detail: "low" }), 1008],
    [video({ maxLongSide: 2016 }), 2016],
  ])("%#", (part, pixels) => expect(longSideOf(part)).toBe(pixels));
});

describe("scaledSize and patchTokens", () => {
  it.each([
    [{ width: 3000, height: 2000 }, 2016, "2016x1344", 72 * 48],
    [{ width: 2000, height: 1334 }, 2016, "2000x1334", 71 * 48],
    [{ width: 672, height: 672 }, 672, "672x672", 576],
    [{ width: 10_000, height: 10_000 }, 3584, "3584x3584", 128 * 128],
    [{ width: 10_000, height: 1 }, 28, "28x1", 1],
    [{ width: 1, height: 1 }, 672, "1x1", 1],
  ])("%o within %d", (size, longest, text, tokens) => {
    const scaled = scaledSize(size, longest);
    expect(`${scaled.width}x${scaled.height}`).toBe(text);
    expect(patchTokens(scaled)).toBe(tokens);
  });
});

describe("seenTokens", () => {
  it.each([
    ["grows to a short side of 112", { width: 300, height: 80 }, 2016, 15 * 4],
    ["grows upright ones as well", { width: 80, height: 300 }, 2016, 4 * 15],
    ["stops at the longest side", { width: 400, height: 20 }, 2016, 72 * 4],
    ["leaves what is large enough", { width: 400, height: 112 }, 2016, 14 * 4],
    ["grows nothing that was shrunk", { width: 4000, height: 100 }, 2016, 72 * 2],
    ["keeps to a small longest side", { width: 10, height: 10 }, 56, 2 * 2],
  ])("%s", (_, size, longest, tokens) => expect(seenTokens(size, longest)).toBe(tokens));

  it("never counts a flatter picture of the same length less", () => {
    const counts = [90, 40, 20].map((height) => seenTokens({ width: 400, height }, 2016));
    expect(counts).toEqual(counts.toSorted((one, other) => one - other));
  });

  it("counts a shrunk picture as it counted the whole one", () => {
    const size = { width: 5000, height: 120 };
    expect(seenTokens(scaledSize(size, 2016), 2016)).toBe(seenTokens(size, 2016));
  });
});

describe("mediaTokens", () => {
  it("follows the size where it is known, and the limits of the request where it is not", () => {
    expect(mediaTokens(image({ size: { width: 672, height: 672 } }))).toBe(576);
    expect(mediaTokens(image())).toBe(46 * 34);
    expect(mediaTokens(image({ detail: "low" }))).toBe(24 * 18);
    const sides = [252, 504, 1008].map((maxLongSide) => mediaTokens(image({ maxLongSide })));
    expect(sides).toEqual([9 * 7, 18 * 14, 36 * 27]);
  });

  it("counts the frames of a video", () => {
    const frame = { at: 0, mime: "image/jpeg", bytes: new Uint8Array(), size: { width: 280, height: 140 } };
    expect(mediaTokens(video({ frames: [frame, frame] }))).toBe(2 * 10 * 5);
    expect(mediaTokens(video({ fps: 0.2 }))).toBe(2 * 24 * 18);
    expect(mediaTokens(video({ fps: 5 }))).toBe(50 * 24 * 18);
  });
});
