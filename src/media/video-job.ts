import type { Color, PixelSize } from "../model/item.ts";
import { scaledSize } from "../model/picture.ts";

/** The job of the process that samples a video, as JSON in its first argument. */
export interface VideoJob {
  path: string;
  /** FFmpeg's name of the container; others are not tried. */
  demuxer: string;
  /** Frames per second wanted. */
  fps: number;
  /** Pixels of the longest side of a frame. */
  maxSide: number;
}

/** What the header of a video says; sides in pixels as they are shown. */
export interface VideoFacts extends PixelSize {
  /** Seconds; 0 where the file does not say. */
  duration: number;
  /** Its own frames per second; 0 where the file does not say. */
  rate: number;
}

/** How it will be sampled. */
export interface VideoPlan extends PixelSize {
  fps: number;
  /** Frames after which sampling ends, whatever the file's header promised. */
  frames: number;
  /** Which frames are not decoded, in FFmpeg's words: none, those that no other needs, all but the key frames. */
  skip: "none" | "noref" | "nokey";
}

/** One line before each frame on the process's output; `bytes` of JPEG follow. */
export interface FrameHead {
  at: number;
  bytes: number;
  size: PixelSize;
  color: Color;
}

/** Pixels of all frames of one video together (MiniMax Provider Verifier, m3_format_check, 2026-06). */
const maxVideoPixels = 301_056_000;
/** Frames of one video: half an hour at one per second. */
const maxFrames = 1_800;
const minSidePixels = 16;
/** Frames per second of a file that does not say. */
const defaultRate = 30;
/**
 * Pixels up to which every frame is decoded, and up to which only those are skipped that no other frame needs. Measured
 * on one core: about 350 million a second of every frame, 600 million without those, ten times as many of key frames.
 */
const maxPixelsOfAll = 4e9;
const maxPixelsOfNeeded = 16e9;

/** Longer videos are sampled less often, many frames are made smaller, so that both caps hold. */
export function planSampling(facts: VideoFacts, wanted: { fps: number; maxSide: number }): VideoPlan {
  const fps = facts.duration > 0 ? Math.min(wanted.fps, maxFrames / facts.duration) : wanted.fps;
  const expected = facts.duration > 0 ? Math.max(1, Math.ceil(facts.duration * fps)) : 1;
  const fitting = scaledSize(facts, wanted.maxSide);
  const shrink = Math.min(1, Math.sqrt(maxVideoPixels / (expected * fitting.width * fitting.height)));
  const width = evenSide(fitting.width * shrink);
  const height = evenSide(fitting.height * shrink);
  const frames = Math.max(1, Math.min(maxFrames, Math.floor(maxVideoPixels / (width * height))));
  return { fps, width, height, frames, skip: skipOf(facts) };
}

function skipOf({ width, height, duration, rate }: VideoFacts): VideoPlan["skip"] {
  const pixels = width * height * duration * (rate > 0 ? rate : defaultRate);
  if (pixels <= maxPixelsOfAll) return "none";
  return pixels <= maxPixelsOfNeeded ? "noref" : "nokey";
}

/** JPEG with 4:2:0 color needs even sides. */
function evenSide(pixels: number): number {
  return Math.max(minSidePixels, Math.floor(pixels / 2) * 2);
}

/** Quarter turns clockwise that show a picture upright, by the container's matrix (ISO 14496-12, 8.3.2). */
export function quarterTurns(matrix: Buffer | null): 0 | 1 | 2 | 3 {
  if (matrix === null || matrix.length < 36) return 0;
  const across = matrix.readInt32LE(0);
  const down = matrix.readInt32LE(4);
  if (Math.abs(across) >= Math.abs(down)) return across < 0 ? 2 : 0;
  return down > 0 ? 1 : 3;
}

/**
 * Frames at even times, in FFmpeg's filter language: each the one that is shown at its time, the first at the start.
 * Rounded to the nearest, a clip of less than half a step would have none.
 */
export function evenFilter({ fps, width, height }: VideoPlan): string {
  return `setpts=PTS-STARTPTS,fps=${fps}:round=up,scale=${width}:${height}`;
}

/** Frames at their own times, not more often than planned: key frames stand where the encoder put them. */
export function ownFilter({ fps, width, height }: VideoPlan): string {
  return `select='isnan(prev_selected_t)+gte(t-prev_selected_t,${0.95 / fps})',scale=${width}:${height}`;
}
