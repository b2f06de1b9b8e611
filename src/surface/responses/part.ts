import type { ModelCard } from "../../model/card.ts";
import { invalid } from "../../model/error.ts";
import type { Detail, Media, Part } from "../../model/item.ts";
import { textPart } from "../../model/item.ts";
import type { Fields } from "./field.ts";
import { fieldsOf, given, optionalFields, optionalNumber, optionalString, optionalWord, pathOf } from "./field.ts";

/** OpenAI's words beside the vendor's (spec sheet 10, row 20). */
const details: Readonly<Record<string, Detail>> = {
  low: "low",
  default: "default",
  auto: "default",
  high: "high",
  original: "high",
};
const detailWords = Object.keys(details);
const textTypes = new Set(["input_text", "output_text", "text", "summary_text", "reasoning_text"]);
const filePrefix = "mm_file://";
/** Frames per second (seed 004). */
const frameRate = { min: 0.2, max: 5, default: 1 };

/** Content of a message or a tool result: a string, an array of parts, or nothing. */
export function parseContent(fields: Fields, key: string, card: ModelCard): Part[] {
  const content = given(fields, key);
  if (content === undefined) return [];
  if (typeof content === "string") return content === "" ? [] : [textPart(content)];
  if (!Array.isArray(content)) throw invalid(pathOf(fields, key), "must be a string or an array of content parts");
  return content.map((part, index) => parsePart(fieldsOf(part, `${pathOf(fields, key)}[${index}]`), card));
}

function parsePart(part: Fields, card: ModelCard): Part {
  const type = optionalString(part, "type");
  if (type === undefined) throw invalid(pathOf(part, "type"), "is required");
  if (textTypes.has(type)) return textPart(requiredText(part, "text"));
  if (type === "refusal") return textPart(requiredText(part, "refusal"));
  if (type === "input_image") return parseImage(part, card);
  if (type === "input_video") return parseVideo(part, card);
  if (type === "input_file" || type === "input_audio") {
    throw invalid(pathOf(part, "type"), `${type} is not supported; send text, images or videos`);
  }
  throw invalid(pathOf(part, "type"), `unknown content part type ${JSON.stringify(type)}`);
}

/** Text may be empty, but it must be there. */
function requiredText(part: Fields, key: string): string {
  const text = optionalString(part, key);
  if (text === undefined) throw invalid(pathOf(part, key), "is required");
  return text;
}

function parseImage(part: Fields, card: ModelCard): Part {
  checkModality(part, card, "image");
  const fileId = optionalString(part, "file_id");
  const source =
    given(part, "image_url") === undefined && fileId !== undefined ? undefined : mediaSource(part, "image_url");
  const media: Media = source === undefined ? { kind: "file", fileId: fileId ?? "" } : source.media;
  const holder = source?.fields;
  const longest = longSide(holder) ?? longSide(part);
  return {
    type: "image",
    media,
    detail: detailOf(holder) ?? detailOf(part) ?? "default",
    ...(longest === undefined ? {} : { maxLongSide: longest }),
    param: part.path,
  };
}

function parseVideo(part: Fields, card: ModelCard): Part {
  checkModality(part, card, "video");
  const { media, fields: holder } = mediaSource(part, "video_url");
  const longest = longSide(holder) ?? longSide(part);
  return {
    type: "video",
    media,
    detail: detailOf(holder) ?? detailOf(part) ?? "default",
    fps: fpsOf(holder) ?? fpsOf(part) ?? frameRate.default,
    ...(longest === undefined ? {} : { maxLongSide: longest }),
    param: part.path,
  };
}

function checkModality(part: Fields, card: ModelCard, modality: "image" | "video"): void {
  if (card.modalities.includes(modality)) return;
  throw invalid(part.path, `model ${card.id} does not take ${modality} input`);
}

/** The URL in its string form or in the vendor's object form `{url, detail, ...}`. */
function mediaSource(part: Fields, key: string): { media: Media; fields: Fields | undefined } {
  const value = given(part, key);
  if (value === undefined) throw invalid(pathOf(part, key), "is required");
  if (typeof value === "string") return { media: mediaOf(value, pathOf(part, key)), fields: undefined };
  const fields = optionalFields(part, key);
  const url = fields === undefined ? undefined : optionalString(fields, "url");
  if (fields === undefined || url === undefined) throw invalid(`${pathOf(part, key)}.url`, "is required");
  return { media: mediaOf(url, pathOf(fields, "url")), fields };
}

function mediaOf(url: string, param: string): Media {
  if (url.startsWith(filePrefix)) return { kind: "file", fileId: url.slice(filePrefix.length) };
  if (/^(https?:\/\/|data:)/i.test(url)) return { kind: "url", url };
  throw invalid(param, "must be an http, https, data or mm_file URL");
}

function detailOf(fields: Fields | undefined): Detail | undefined {
  const word = fields === undefined ? undefined : optionalWord(fields, "detail", detailWords);
  return word === undefined ? undefined : details[word];
}

function longSide(fields: Fields | undefined): number | undefined {
  if (fields === undefined) return undefined;
  return optionalNumber(fields, "max_long_side_pixel", { min: 1, max: Infinity, integer: true });
}

function fpsOf(fields: Fields | undefined): number | undefined {
  return fields === undefined ? undefined : optionalNumber(fields, "fps", frameRate);
}
