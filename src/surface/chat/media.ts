import type { ModelCard } from "../../model/card.ts";
import { ParleyError } from "../../model/error.ts";
import type { ImagePart, VideoPart } from "../../model/item.ts";
import { patchPixels } from "../../model/picture.ts";
import type { Fields } from "../shared/fields.ts";
import { checkModality, imagePart, plainWords, readMedia, videoPart } from "../shared/media.ts";
import type { MediaSource } from "../shared/media.ts";

/** Media parts of one request (MiniMax API docs, OpenAI-compatible chat, 2026-11). */
const maxParts = { image: 200, video: 20 } as const;

/** Counts the images and videos of one request; `invalid` over the vendor's limits. */
export class MediaCount {
  // fixed at birth
  private readonly card: ModelCard;
  // changed by events
  /** Parts so far, by kind. */
  private readonly counts = { image: 0, video: 0 };

  constructor(card: ModelCard) {
    this.card = card;
  }

  add(kind: "image" | "video", part: Fields): void {
    checkModality(part, this.card, kind);
    this.counts[kind] += 1;
    const most = maxParts[kind];
    if (this.counts[kind] <= most) return;
    throw new ParleyError("invalid", `the num of ${kind} is larger than the limit: ${most}`, { param: part.path });
  }
}

/** A content part of type `image_url`. */
export function readImage(part: Fields, strict: boolean): ImagePart {
  return wholePatches(imagePart(readSource(part, "image_url", strict)));
}

/** A content part of type `video_url`. */
export function readVideo(part: Fields, strict: boolean): VideoPart {
  return wholePatches(videoPart(readSource(part, "video_url", strict)));
}

function readSource(part: Fields, key: string, strict: boolean): MediaSource {
  const body = part.requiredObject(key);
  const media = readMedia(body.requiredLongString("url"), body.pathOf("url"), strict);
  return { media, options: [body], words: plainWords, param: body.path };
}

/** The long side cut down to whole vision patches, which is all that this page of the vendor takes. */
function wholePatches<Part extends ImagePart | VideoPart>(part: Part): Part {
  if (part.maxLongSide === undefined) return part;
  return { ...part, maxLongSide: Math.max(patchPixels, Math.floor(part.maxLongSide / patchPixels) * patchPixels) };
}
