import { createHash } from "node:crypto";
import { imageSize } from "../../lib/sniff.ts";
import type { Color, ImagePart, Media, PixelSize, VideoPart } from "../../model/item.ts";

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
  return picture === undefined ? undefined : imageSize(picture);
}

function bytesOf(media: Media): { mime: string; bytes: Uint8Array } | undefined {
  if (media.kind === "bytes") return media;
  const url = media.kind === "url" ? String(media.url) : "";
  const data = /^data:([^;,]+)[^,]*;base64,/i.exec(url);
  if (data === null || media.kind !== "url") return undefined;
  return { mime: (data[1] ?? "").toLowerCase(), bytes: Buffer.from(url.slice(data[0].length), "base64") };
}

/** Equal for the same image or video, different for different ones. */
export function mediaDigest(part: ImagePart | VideoPart): string {
  const hash = createHash("sha1").update(`${part.type} ${part.detail} ${part.maxLongSide ?? ""} `);
  const { media } = part;
  if (part.type === "video") for (const frame of part.frames ?? []) hash.update(frame.bytes);
  if (media.kind === "bytes") hash.update(media.bytes);
  else hash.update(media.kind === "url" ? String(media.url) : media.fileId);
  return hash.digest("hex");
}
