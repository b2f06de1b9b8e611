import type { ModelCard } from "../../model/card.ts";
import { invalid, ParleyError } from "../../model/error.ts";
import type { Detail, ImagePart, Media, VideoPart } from "../../model/item.ts";
import { readInteger, readNumber, readObject, readString, required } from "./field.ts";

/** Spec sheet 1.4. The bytes, their formats and sizes are the business of `media/`. */
const limit = { image: 200, video: 20 } as const;
const framesPerSecond = { least: 0.2, most: 5, default: 1 };
/** Pixels per side of one vision patch; the vendor's long sides are multiples of it. */
const patch = 28;

/** `auto` is what OpenAI clients say for the default (spec sheet 10, row 20). */
const details: Readonly<Record<string, Detail>> = { low: "low", default: "default", auto: "default", high: "high" };

/** Counts the pictures and videos of one request; `invalid` over the vendor's limits. */
export class MediaCount {
  // fixed at birth
  private readonly card: ModelCard;
  // changed by events
  private readonly seen = { image: 0, video: 0 };

  constructor(card: ModelCard) {
    this.card = card;
  }

  add(kind: "image" | "video", path: string): void {
    if (!this.card.modalities.includes(kind)) throw invalid(path, `${this.card.id} does not support ${kind} input`);
    this.seen[kind] += 1;
    if (this.seen[kind] > limit[kind]) {
      throw new ParleyError("invalid", `the num of ${kind} is larger than the limit: ${limit[kind]}`, { param: path });
    }
  }
}

/** `part` is a content part of type `image_url`, standing at `path`. */
export function readImage(part: Record<string, unknown>, path: string): ImagePart {
  const param = `${path}.image_url`;
  const { media, detail, maxLongSide } = readShared(part["image_url"], param);
  return { type: "image", media, detail, ...maxLongSide, param };
}

/** `part` is a content part of type `video_url`, standing at `path`. */
export function readVideo(part: Record<string, unknown>, path: string): VideoPart {
  const param = `${path}.video_url`;
  const { body, media, detail, maxLongSide } = readShared(part["video_url"], param);
  const fps = readNumber(body["fps"], `${param}.fps`) ?? framesPerSecond.default;
  if (fps < framesPerSecond.least || fps > framesPerSecond.most) {
    throw invalid(`${param}.fps`, `must be between ${framesPerSecond.least} and ${framesPerSecond.most}`);
  }
  return { type: "video", media, detail, fps, ...maxLongSide, param };
}

interface Shared {
  body: Record<string, unknown>;
  media: Media;
  detail: Detail;
  maxLongSide: { maxLongSide?: number };
}

function readShared(value: unknown, path: string): Shared {
  const body = required(readObject(value, path), path);
  const media = readMedia(required(readString(body["url"], `${path}.url`), `${path}.url`), `${path}.url`);
  return {
    body,
    media,
    detail: readDetail(body["detail"], `${path}.detail`),
    maxLongSide: readLongSide(body["max_long_side_pixel"], `${path}.max_long_side_pixel`),
  };
}

function readMedia(url: string, path: string): Media {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (/^mm_file:/i.test(url)) return readFile(url, path);
  if (scheme === "data") {
    if (url.includes(",")) return { kind: "url", url };
    throw invalid(path, "is not a data URL: it has no comma");
  }
  if ((scheme === "http" || scheme === "https") && URL.canParse(url)) return { kind: "url", url };
  throw invalid(path, "must be an http, https, data or mm_file URL");
}

function readFile(url: string, path: string): Media {
  const fileId = /^mm_file:\/\/([\w-]{1,128})$/i.exec(url)?.[1];
  if (fileId === undefined) throw invalid(path, "must name a file: mm_file://{file_id}");
  return { kind: "file", fileId };
}

function readDetail(value: unknown, path: string): Detail {
  const name = readString(value, path) ?? "default";
  const detail = Object.hasOwn(details, name) ? details[name] : undefined;
  if (detail === undefined) throw invalid(path, "must be one of low, default, high");
  return detail;
}

/** Snapped down to whole patches (spec sheet 10, row 21). */
function readLongSide(value: unknown, path: string): { maxLongSide?: number } {
  const pixels = readInteger(value, path);
  if (pixels === undefined) return {};
  if (pixels < 1) throw invalid(path, "must be at least 1");
  return { maxLongSide: Math.max(patch, Math.floor(pixels / patch) * patch) };
}
