import { createHash } from "node:crypto";
import type { Color, ImagePart, Media, PixelSize, VideoPart } from "../../model/item.ts";
import { longSideOf, seenTokens } from "../../model/picture.ts";

/** What can be said of an image or video without decoding its pixels. */
interface MediaDescription {
  kind: "image" | "video";
  /** As declared; `unknown` where the bytes are not here. */
  mime: string;
  size?: PixelSize | undefined;
  /** Seconds of the pictures sampled from a video, where media preparation made some. */
  times?: readonly number[] | undefined;
  /** The main color of the image, or of each frame, where media preparation found it. */
  colors: readonly Color[];
}

function describe(part: ImagePart | VideoPart): MediaDescription {
  const bytes = bytesOf(part.media);
  const size = (part.type === "image" ? part.size : undefined) ?? firstSize(part, bytes?.bytes);
  const times = part.type === "video" ? part.frames?.map(({ at }) => at) : undefined;
  return { kind: part.type, mime: bytes?.mime ?? "unknown", size, times, colors: colorsOf(part) };
}

/** One sentence for each image and video, such as `Image 1 is image/png, 640x480, mostly red.`, and their counts before. */
export function mediaSentences(media: readonly (ImagePart | VideoPart)[]): string[] {
  const count = { image: 0, video: 0 };
  const sentences = media.map((part) => {
    const { kind, mime, size, times, colors } = describe(part);
    count[kind] += 1;
    const facts = [mime, size === undefined ? "of unknown size" : `${size.width}x${size.height}`];
    if (times !== undefined) facts.push(`seen as ${times.length} ${times.length === 1 ? "frame" : "frames"}`);
    if (colors.length > 0) facts.push(`mostly ${colorText(colors)}`);
    if (times !== undefined && times.length > 1)
      facts.push(`the last at ${Math.round((times.at(-1) ?? 0) * 10) / 10} s`);
    return `${kind === "image" ? "Image" : "Video"} ${count[kind]} is ${facts.join(", ")}.`;
  });
  const counts = (["image", "video"] as const).filter((kind) => count[kind] > 1);
  return [...counts.map((kind) => `There are ${count[kind]} ${kind}s.`), ...sentences];
}

/** The colors in order; those that stay the same are named once. */
function colorText(colors: readonly Color[]): string {
  const names = colors.map(colorName);
  return names.filter((name, index) => name !== names[index - 1]).join(", then ");
}

const namedColors: readonly [name: string, red: number, green: number, blue: number][] = [
  ["black", 0, 0, 0],
  ["gray", 128, 128, 128],
  ["white", 255, 255, 255],
  ["red", 255, 0, 0],
  ["orange", 255, 140, 0],
  ["yellow", 255, 255, 0],
  ["green", 0, 255, 0],
  ["green", 0, 128, 0],
  ["cyan", 0, 255, 255],
  ["blue", 0, 0, 255],
  ["purple", 128, 0, 128],
  ["pink", 255, 105, 180],
  ["brown", 139, 69, 19],
];

/** The name of the nearest color that has one. */
function colorName(color: Color): string {
  const distance = ([, red, green, blue]: (typeof namedColors)[number]): number =>
    (red - color.red) ** 2 + (green - color.green) ** 2 + (blue - color.blue) ** 2;
  return namedColors.reduce((best, row) => (distance(row) < distance(best) ? row : best))[0];
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
  const { size = unknownSize, times } = describe(part);
  return (times?.length ?? 1) * seenTokens(size, longSideOf(part));
}

/** The same image or video always has the same digest, and another one another. */
export function mediaDigest(part: ImagePart | VideoPart): string {
  const hash = createHash("sha1").update(`${part.type} ${part.detail} ${part.maxLongSide ?? ""} `);
  const { media } = part;
  if (part.type === "video") for (const frame of part.frames ?? []) hash.update(frame.bytes);
  if (media.kind === "bytes") hash.update(media.bytes);
  else hash.update(media.kind === "url" ? media.url : media.fileId);
  return hash.digest("hex");
}
