import { createHash } from "node:crypto";
import { imageSize } from "../../lib/sniff.ts";
import type { Color, ImagePart, Media, PixelSize, VideoPart } from "../../model/item.ts";

export interface MediaDescription {
  kind: "image" | "video";
  /** As declared; `unknown` where the bytes are not here. */
  mime: string;
  size?: PixelSize;
  /** Pictures sampled from a video, where media preparation made some. */
  frames?: number;
  /** The main color of the image, or of each frame, where media preparation told it. */
  colors?: readonly Color[];
}

/** What can be said of an image or video without decoding its pixels. */
export function describeMedia(part: ImagePart | VideoPart): MediaDescription {
  const bytes = bytesOf(part.media);
  const description: MediaDescription = { kind: part.type, mime: bytes?.mime ?? "unknown" };
  const colors = colorsOf(part);
  if (colors.length > 0) description.colors = colors;
  const size = (part.type === "image" ? part.size : undefined) ?? firstSize(part, bytes?.bytes);
  if (size !== undefined) description.size = size;
  if (part.type === "video" && part.frames !== undefined) description.frames = part.frames.length;
  return description;
}

function colorsOf(part: ImagePart | VideoPart): Color[] {
  const seen = part.type === "image" ? [part] : (part.frames ?? []);
  return seen.flatMap(({ color }) => (color === undefined ? [] : [color]));
}

function firstSize(part: ImagePart | VideoPart, bytes: Uint8Array | undefined): PixelSize | undefined {
  const picture = part.type === "video" ? part.frames?.[0]?.bytes : bytes;
  return picture === undefined ? undefined : imageSize(picture);
}

function bytesOf(media: Media): { mime: string; bytes: Uint8Array } | undefined {
  if (media.kind === "bytes") return media;
  const data = media.kind === "url" ? /^data:([^;,]+)[^,]*;base64,/i.exec(media.url) : null;
  if (data === null || media.kind !== "url") return undefined;
  return { mime: (data[1] ?? "").toLowerCase(), bytes: Buffer.from(media.url.slice(data[0].length), "base64") };
}

/** Tells one image or video from another; the same one always gives the same digest. */
export function mediaDigest(part: ImagePart | VideoPart): string {
  const hash = createHash("sha1").update(`${part.type} ${part.detail} ${part.maxLongSide ?? ""} `);
  const { media } = part;
  if (part.type === "video") for (const frame of part.frames ?? []) hash.update(frame.bytes);
  if (media.kind === "bytes") hash.update(media.bytes);
  else hash.update(media.kind === "url" ? media.url : media.fileId);
  return hash.digest("hex");
}
