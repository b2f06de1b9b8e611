import { createHash } from "node:crypto";
import type { Color, ImagePart, Media, PixelSize, VideoPart } from "../../model/item.ts";
import { longSideOf, seenTokens } from "../../model/picture.ts";

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
  return picture === undefined ? undefined : sniffSize(picture);
}

function bytesOf(media: Media): { mime: string; bytes: Uint8Array } | undefined {
  if (media.kind === "bytes") return media;
  const data = media.kind === "url" ? /^data:([^;,]+)[^,]*;base64,/i.exec(media.url) : null;
  if (data === null || media.kind !== "url") return undefined;
  return { mime: (data[1] ?? "").toLowerCase(), bytes: Buffer.from(media.url.slice(data[0].length), "base64") };
}

/** Width and height from the first bytes of a PNG, GIF, WebP or JPEG; `undefined` for anything else. */
export function sniffSize(bytes: Uint8Array): PixelSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ascii = (at: number, length: number): string => String.fromCharCode(...bytes.subarray(at, at + length));
  if (bytes.length >= 24 && ascii(1, 3) === "PNG") return { width: view.getUint32(16), height: view.getUint32(20) };
  if (bytes.length >= 10 && ascii(0, 3) === "GIF") {
    return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  }
  if (bytes.length >= 30 && ascii(0, 4) === "RIFF" && ascii(8, 4) === "WEBP") return webpSize(view, ascii(12, 4));
  if (bytes.length >= 4 && view.getUint16(0) === 0xffd8) return jpegSize(view);
  return undefined;
}

/** The three forms of WebP keep their size in three places (RFC 9649). */
function webpSize(view: DataView, form: string): PixelSize | undefined {
  const three = (at: number): number =>
    view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getUint8(at + 2) << 16);
  if (form === "VP8X") return { width: three(24) + 1, height: three(27) + 1 };
  if (form === "VP8 ") return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (form !== "VP8L") return undefined;
  const packed = view.getUint32(21, true);
  return { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 };
}

/** Walks the segments up to the first start-of-frame marker. */
function jpegSize(view: DataView): PixelSize | undefined {
  const notFrames = new Set([0xc4, 0xc8, 0xcc]);
  for (let at = 2; at + 9 < view.byteLength;) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker >= 0xc0 && marker <= 0xcf && !notFrames.has(marker)) {
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    }
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** For a picture whose size is not known. */
const unknownSize: PixelSize = { width: 1008, height: 1008 };

/** Tokens an image or video stands for: its patches after scaling; a video's are those of all its frames. */
export function mediaTokens(part: ImagePart | VideoPart): number {
  const { size = unknownSize, frames = 1 } = describeMedia(part);
  return frames * seenTokens(size, longSideOf(part));
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
