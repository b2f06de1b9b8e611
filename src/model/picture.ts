/**
 * How the vendor's models see pictures: how far they are scaled and how many tokens they stand for. Inferred from the
 * token counts in the MiniMax API docs (OpenAI-compatible chat, 2026-11) and in MiniMax Provider Verifier (2026-06).
 */

import type { Detail, ImagePart, PixelSize, VideoPart } from "./item.ts";

/** Pixels per side of one vision patch, which is one token. */
export const patchPixels = 28;

/** Pixels of the long side after scaling, by kind and detail. */
export const longSides: Readonly<Record<"image" | "video", Readonly<Record<Detail, number>>>> = {
  image: { low: 672, default: 2016, high: 3584 },
  video: { low: 504, default: 672, high: 1280 },
};

/** Pixels of the largest long side that a caller can ask for. */
const maxLongSide = 3584;

/**
 * Pixels of the longest side allowed for one part: the caller's `max_long_side_pixel` in whole patches, else that of its
 * detail. A video's 504, 1008 and 2016 must differ in tokens at the default detail (MiniMax Provider Verifier), so the
 * caller's number goes before it.
 */
export function longSideOf(part: { type: "image" | "video"; detail: Detail; maxLongSide?: number }): number {
  if (part.maxLongSide === undefined) return longSides[part.type][part.detail];
  return Math.min(maxLongSide, Math.max(patchPixels, Math.floor(part.maxLongSide / patchPixels) * patchPixels));
}

/** Pixels of the short side up to which the vendor's models enlarge a small picture. */
const minShortSide = 112;

/** Scales down, never up; sides are at least 1. */
export function scaledSize({ width, height }: PixelSize, longest: number): PixelSize {
  const scale = Math.min(1, longest / Math.max(width, height, 1));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Tokens of one picture of this size: its patches, at least one. */
export function patchTokens({ width, height }: PixelSize): number {
  return Math.max(1, Math.round(width / patchPixels)) * Math.max(1, Math.round(height / patchPixels));
}

/**
 * Tokens of one picture as the model sees it: scaled down to the longest side, or up until its short side has 112 pixels
 * or its long side is the longest. Engines enlarge by themselves: it is counted here, and no enlarged picture is sent.
 */
export function seenTokens(size: PixelSize, longest: number): number {
  const { width, height } = scaledSize(size, longest);
  const short = Math.max(1, Math.min(width, height));
  const growth = Math.max(1, Math.min(minShortSide / short, longest / Math.max(width, height)));
  return patchTokens({ width: width * growth, height: height * growth });
}

/** Assumed of pictures and videos whose size and length are not known yet: a screen, ten seconds. */
const unknownSize: PixelSize = { width: 1280, height: 960 };
const unknownSeconds = 10;

/** Tokens that an image or a video stands for; an estimate as long as its size or its frames are not known. */
export function mediaTokens(part: ImagePart | VideoPart): number {
  const longest = longSideOf(part);
  if (part.type === "image") return seenTokens(part.size ?? unknownSize, longest);
  const frames = part.frames?.length ?? Math.ceil(unknownSeconds * part.fps);
  return frames * seenTokens(part.frames?.[0]?.size ?? unknownSize, longest);
}
