import { LongText } from "../../lib/long-text.ts";
import type { ModelCard } from "../../model/card.ts";
import type { Detail, Media, Part } from "../../model/item.ts";
import { textPart } from "../../model/item.ts";
import type { Fields } from "../shared/fields.ts";
import { checkModality, imagePart, readMedia, unread, videoPart } from "../shared/media.ts";
import type { MediaSource } from "../shared/media.ts";

/** OpenAI's words beside the vendor's. */
const details: Readonly<Record<string, Detail>> = {
  low: "low",
  default: "default",
  auto: "default",
  high: "high",
  original: "high",
};
const words = { details, listed: Object.keys(details) };
const textTypes = new Set(["input_text", "output_text", "text", "summary_text", "reasoning_text"]);

/** What reading parts depends on. */
export interface PartContext {
  card: ModelCard;
  strict: boolean;
  /** A result can not be taken back by its caller: what the model cannot read becomes a line of text there. */
  place: "message" | "result";
  /** Types of parts that were left out. */
  dropped: Set<string>;
}

/** Content of a message or a tool result: a string, an array of parts, or nothing. */
export function parseContent(fields: Fields, key: string, context: PartContext): Part[] {
  const content = fields.given(key);
  if (content === undefined) return [];
  if (typeof content === "string") return content === "" ? [] : [textPart(content)];
  if (!Array.isArray(content)) throw fields.error(key, "must be a string or an array of content parts");
  return Array.from(fields.objects(key)).flatMap((part) => parsePart(part, context) ?? []);
}

/** `undefined` for a part that holds nothing a model here could read. */
function parsePart(part: Fields, context: PartContext): Part | undefined {
  const type = part.requiredString("type");
  if (textTypes.has(type)) return textPart(part.requiredString("text"));
  switch (type) {
    case "refusal":
      return textPart(part.requiredString("refusal"));
    case "input_image":
      return unread("image", context) ?? parseImage(part, context);
    case "input_video":
      return unread("video", context) ?? parseVideo(part, context);
    case "input_file":
    case "input_audio":
      return unread("file", context) ?? refuseFile(part, type);
    case "encrypted_content":
      return parseEncrypted(part, context);
    default:
      throw part.error("type", `unknown content part type ${JSON.stringify(type)}`);
  }
}

function refuseFile(part: Fields, type: string): never {
  throw part.error("type", `${type} is not supported; send text, images or videos`);
}

/** A token of a cipher: long and without any white space. */
const cipherText = /^[\w+/.=-]{64,}$/;

/** Agents send the words of another agent this way; where a model of ours wrote them, they are plain. */
function parseEncrypted(part: Fields, { dropped }: PartContext): Part | undefined {
  const text = part.requiredString("encrypted_content");
  if (!cipherText.test(text)) return textPart(text);
  dropped.add("encrypted_content");
  return undefined;
}

function parseImage(part: Fields, context: PartContext): Part {
  checkModality(part, context.card, "image");
  const fileId = part.string("file_id");
  if (fileId === undefined || part.ofAnyLength("image_url") !== undefined) {
    return imagePart(sourceOf(part, "image_url", context.strict));
  }
  return imagePart({ media: { kind: "file", fileId }, options: [part], words, param: part.path });
}

function parseVideo(part: Fields, context: PartContext): Part {
  checkModality(part, context.card, "video");
  return videoPart(sourceOf(part, "video_url", context.strict));
}

/** The URL in its string form or in the vendor's object form `{url, detail, ...}`; options may stand beside it too. */
function sourceOf(part: Fields, key: string, strict: boolean): MediaSource {
  const value = part.required(key, part.ofAnyLength(key));
  const inner = typeof value === "string" || value instanceof LongText ? undefined : part.object(key);
  const media: Media =
    inner === undefined
      ? readMedia(part.requiredLongString(key), part.pathOf(key), strict)
      : readMedia(inner.requiredLongString("url"), inner.pathOf("url"), strict);
  return { media, options: inner === undefined ? [part] : [inner, part], words, param: part.path };
}
