/**
 * How the vendor sees pictures: how far they are scaled and how many tokens they stand for (MiniMax API docs, OpenAI-compatible chat, 2026-11).
 */

import type { Detail, ImagePart, PixelSize, VideoPart } from "./item.ts";

/** Pixels per side of one vision patch, which is one token. */
export const patch = 28;

/** Pixels of the long side after scaling, by kind and detail. */
export const longSides: Readonly<Record<"image" | "video", Readonly<Record<Detail, number>>>> = {
  image: { low: 672, default: 2016, high: 3584 },
  video: { low: 504, default: 672, high: 1280 },
};

/** The most that a caller can ask for. */
const longest = 3584;

/**
 * The longest side allowed for one part: what the caller says, in whole patches, else that of its detail. A video's 504,
 * 1008 and 2016 must differ in tokens at the default detail (MiniMax-Provider-Verifier), so the caller's value goes
 * before it.
 */
export function longSideOf(part: { type: "image" | "video"; detail: Detail; maxLongSide?: number }): number {
  if (part.maxLongSide === undefined) return longSides[part.type][part.detail];
  return Math.min(longest, Math.max(patch, Math.floor(part.maxLongSide / patch) * patch));
}

/** Pixels of the short side up to which the vendor's vision grows a small picture. */
const shortest = 112;

/** Shrinks, never grows; sides are at least 1. */
export function scaledSize({ width, height }: PixelSize, longest: number): PixelSize {
  const scale = Math.min(1, longest / Math.max(width, height, 1));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Tokens of one picture of this size: its patches, at least one. */
export function patchTokens({ width, height }: PixelSize): number {
  return Math.max(1, Math.round(width / patch)) * Math.max(1, Math.round(height / patch));
}

/**
 * Tokens of one picture as the model sees it: shrunk to the longest side, or grown until its short side has 112 pixels or
 * its long side is the longest. Growing is the engine's business: it is counted here, and nobody is sent grown pixels.
 */
export function seenTokens(size: PixelSize, longest: number): number {
  const { width, height } = scaledSize(size, longest);
  const short = Math.max(1, Math.min(width, height));
  const growth = Math.max(1, Math.min(shortest / short, longest / Math.max(width, height)));
  return patchTokens({ width: width * growth, height: height * growth });
}

/** For pictures and videos that nobody has looked at yet: a screen, ten seconds. */
const usual: PixelSize = { width: 1280, height: 960 };
const usualSeconds = 10;

/** Tokens that an image or a video stands for; an estimate as long as its size or its frames are not known. */
export function mediaTokens(part: ImagePart | VideoPart): number {
  const longest = longSideOf(part);
  if (part.type === "image") return seenTokens(part.size ?? usual, longest);
  const frames = part.frames?.length ?? Math.ceil(usualSeconds * part.fps);
  return frames * seenTokens(part.frames?.[0]?.size ?? usual, longest);
}
