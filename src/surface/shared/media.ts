import type { ModelCard } from "../../model/card.ts";
import { LongText } from "../../lib/long-text.ts";
import { sniffImage, sniffVideo } from "../../lib/sniff.ts";
import { invalid } from "../../model/error.ts";
import type { Detail, ImagePart, Media, TextPart, VideoPart } from "../../model/item.ts";
import { notShownText, textPart } from "../../model/item.ts";
import type { Fields } from "./fields.ts";

/** Frames per second of a video (MiniMax API docs, OpenAI-compatible chat and create response, 2026-11). */
const frameRate = { min: 0.2, max: 5, default: 1 };

/** Base64 characters that are enough to know a format. */
const headChars = 96;

/** The words of a surface for how closely a picture is looked at. */
export interface DetailWords {
  details: Readonly<Record<string, Detail>>;
  /** Those that an error lists; the rest is taken in silence. */
  listed: readonly string[];
}

/** The vendor's words; `auto` is what other clients send for the default. */
export const plainWords: DetailWords = {
  details: { low: "low", default: "default", auto: "default", high: "high" },
  listed: ["low", "default", "high"],
};

/** What a media part is read from, besides its address. */
export interface MediaSource {
  media: Media;
  /** Objects that may hold the options, the first one first. */
  options: readonly Fields[];
  words: DetailWords;
  /** What later errors about its bytes name. */
  param: string;
}

/** Refuses a part that the model cannot take. */
export function checkModality(part: Fields, card: ModelCard, kind: "image" | "video"): void {
  if (card.modalities.includes(kind)) return;
  const { model, takes } = part.phrases;
  throw invalid(part.path, `${model(card.id)} does not ${takes} ${kind} input`);
}

/** What a tool's result says in the place of what the model cannot read: callers cannot take it out of the history again. */
export function notShown(kind: "image" | "video" | "file", { modalities }: ModelCard): TextPart {
  return textPart(notShownText(kind, modalities));
}

/** Where a part stands, and how strictly it is read. */
export interface PartPlace {
  card: ModelCard;
  place: "message" | "result";
  strict: boolean;
}

/** The line of text that stands for what the model cannot read, where a part may be replaced by one. */
export function unread(kind: "image" | "video" | "file", { card, place, strict }: PartPlace): TextPart | undefined {
  if (place === "message" || strict) return undefined;
  return kind !== "file" && card.modalities.includes(kind) ? undefined : notShown(kind, card);
}

/**
 * Where the bytes are: an http, https or data URL, or `mm_file://{file_id}`. Base64 without `data:` in front becomes a
 * data URL where its first bytes are those of a known format, unless `strict`. Whether the bytes exist and what they are
 * is found out by `media/`.
 */
export function readMedia(url: string | LongText, path: string, strict: boolean): Media {
  const head = url instanceof LongText ? url.head : url;
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(head)?.[1]?.toLowerCase();
  if (/^mm_file:/i.test(head)) return readFile(head, path);
  if (scheme === "data") {
    if (head.includes(",")) return { kind: "url", url };
    throw invalid(path, "is not a data URL: it has no comma");
  }
  if ((scheme === "http" || scheme === "https") && head === url && URL.canParse(url)) return { kind: "url", url };
  const mime = strict || scheme !== undefined ? undefined : mimeOfBase64(head);
  if (mime !== undefined) return { kind: "url", url: dataUrl(mime, url) };
  throw invalid(path, "must be an http, https, data or mm_file URL");
}

function dataUrl(mime: string, base64: string | LongText): string | LongText {
  const start = `data:${mime};base64,`;
  return typeof base64 === "string" ? start + base64.trim() : base64.behind(start);
}

/** What bare base64 holds by its first bytes; `undefined` where they are of no known format. */
function mimeOfBase64(text: string): string | undefined {
  const head = text.trimStart().slice(0, headChars);
  if (!/^[\w+/-]+={0,2}$/.test(head)) return undefined;
  const bytes = Buffer.from(head, "base64");
  const image = sniffImage(bytes);
  if (image !== undefined) return `image/${image}`;
  const video = sniffVideo(bytes);
  return video === undefined ? undefined : `video/${video}`;
}

function readFile(url: string, path: string): Media {
  const fileId = /^mm_file:\/\/([\w-]{1,128})$/i.exec(url)?.[1];
  if (fileId === undefined) throw invalid(path, "must name a file: mm_file://{file_id}");
  return { kind: "file", fileId };
}

export function imagePart(source: MediaSource): ImagePart {
  return { type: "image", media: source.media, ...readOptions(source), param: source.param };
}

export function videoPart(source: MediaSource): VideoPart {
  const { detail, ...size } = readOptions(source);
  const fps = firstOf(source.options, (fields) => fields.number("fps", frameRate)) ?? frameRate.default;
  return { type: "video", media: source.media, detail, fps, ...size, param: source.param };
}

function readOptions({ options, words }: MediaSource): { detail: Detail; maxLongSide?: number } {
  const known = Object.keys(words.details);
  const detail = firstOf(options, (fields) => fields.word("detail", known, words.listed)) ?? "default";
  const maxLongSide = firstOf(options, (fields) => fields.count("max_long_side_pixel"));
  return {
    detail: words.details[detail] ?? "default",
    ...(maxLongSide === undefined ? {} : { maxLongSide }),
  };
}

function firstOf<Value>(options: readonly Fields[], read: (fields: Fields) => Value | undefined): Value | undefined {
  for (const fields of options) {
    const value = read(fields);
    if (value !== undefined) return value;
  }
  return undefined;
}
