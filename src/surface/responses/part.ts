import type { ModelCard } from "../../model/card.ts";
import type { Detail, Media, Part } from "../../model/item.ts";
import { textPart } from "../../model/item.ts";
import type { Fields } from "../shared/fields.ts";
import { checkModality, imagePart, readMedia, videoPart } from "../shared/media.ts";
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

/** Content of a message or a tool result: a string, an array of parts, or nothing. */
export function parseContent(fields: Fields, key: string, card: ModelCard): Part[] {
  const content = fields.given(key);
  if (content === undefined) return [];
  if (typeof content === "string") return content === "" ? [] : [textPart(content)];
  if (!Array.isArray(content)) throw fields.error(key, "must be a string or an array of content parts");
  return Array.from(fields.objects(key), (part) => parsePart(part, card));
}

function parsePart(part: Fields, card: ModelCard): Part {
  const type = part.requiredString("type");
  if (textTypes.has(type)) return textPart(part.requiredString("text"));
  if (type === "refusal") return textPart(part.requiredString("refusal"));
  if (type === "input_image") return parseImage(part, card);
  if (type === "input_video") return parseVideo(part, card);
  if (type === "input_file" || type === "input_audio") {
    throw part.error("type", `${type} is not supported; send text, images or videos`);
  }
  throw part.error("type", `unknown content part type ${JSON.stringify(type)}`);
}

function parseImage(part: Fields, card: ModelCard): Part {
  checkModality(part, card, "image");
  const fileId = part.string("file_id");
  if (fileId === undefined || part.given("image_url") !== undefined) return imagePart(sourceOf(part, "image_url"));
  return imagePart({ media: { kind: "file", fileId }, options: [part], words, param: part.path });
}

function parseVideo(part: Fields, card: ModelCard): Part {
  checkModality(part, card, "video");
  return videoPart(sourceOf(part, "video_url"));
}

/** The URL in its string form or in the vendor's object form `{url, detail, ...}`; options may stand beside it too. */
function sourceOf(part: Fields, key: string): MediaSource {
  const value = part.required(key, part.given(key));
  const inner = typeof value === "string" ? undefined : part.object(key);
  const media: Media =
    inner === undefined
      ? readMedia(part.requiredString(key), part.pathOf(key))
      : readMedia(inner.requiredString("url"), inner.pathOf("url"));
  return { media, options: inner === undefined ? [part] : [inner, part], words, param: part.path };
}
