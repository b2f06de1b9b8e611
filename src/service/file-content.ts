import { isPdf, sniffAudio, sniffImage, sniffVideo, type VideoFormat } from "../lib/sniff.ts";
import { invalid, ParleyError } from "../model/error.ts";

export type ContentKind = "video" | "image" | "audio" | "text" | "document";

/** What a file holds, decided by its bytes alone; names and labels do not count. */
export interface Content {
  kind: ContentKind;
  mime: string;
}

const mebibyte = 1024 * 1024;
const maxBytes = 512 * mebibyte;

/**
 * What each purpose takes, with the most bytes of one file (MiniMax API docs, file management, 2026-08). `retrieval` is
 * what the vendor's command line `mmx` sends by default.
 */
export const purposes: Readonly<Record<string, Partial<Readonly<Record<ContentKind, number>>>>> = {
  video_understanding: { video: maxBytes },
  video_generation_input: { image: 30 * mebibyte, video: 50 * mebibyte, audio: 15 * mebibyte },
  voice_clone: { audio: 20 * mebibyte },
  prompt_audio: { audio: 20 * mebibyte },
  t2a_async_input: { text: maxBytes },
  retrieval: { text: maxBytes, document: maxBytes },
};

const accepted: Readonly<Record<ContentKind, string>> = {
  video: "video (MP4, AVI, MOV, MKV)",
  image: "images (JPEG, PNG, GIF, WEBP)",
  audio: "audio (MP3, M4A, WAV)",
  text: "text in UTF-8",
  document: "PDF",
};

const videoTypes: Readonly<Record<VideoFormat, string>> = {
  mp4: "video/mp4",
  mov: "video/quicktime",
  avi: "video/x-msvideo",
  mkv: "video/x-matroska",
  webm: "video/webm",
};

/** Throws `invalid` naming the field for anything but a known purpose. */
export function checkPurpose(value: unknown): string {
  if (typeof value === "string" && Object.hasOwn(purposes, value)) return value;
  if (value === undefined || value === "") throw invalid("purpose", "is missing");
  throw invalid("purpose", `must be one of ${Object.keys(purposes).join(", ")}`);
}

/** Throws `invalid` unless the purpose takes such content of this many bytes; `most` bounds every purpose. */
export function admit(purpose: string, content: Content, { bytes, most }: { bytes: number; most: number }): void {
  const limits = purposes[purpose] ?? {};
  const limit = limits[content.kind];
  if (limit === undefined) {
    const expected = (Object.keys(limits) as ContentKind[]).map((kind) => accepted[kind]).join(", ");
    throw invalid("file", `its content is ${content.mime}; ${purpose} takes ${expected}`);
  }
  checkSize(bytes, Math.min(limit, most));
}

export function checkSize(bytes: number, most: number): void {
  if (bytes <= most) return;
  throw new ParleyError("invalid", `file exceeds size limit: max ${most} bytes`, { param: "file" });
}

/** Bytes from the start that are enough for every signature. */
const headBytes = 512;
// line ends, tabs and form feeds are text
const control = /[\x00-\x08\x0e-\x1f\x7f]/;

/** Detects the content of an upload, chunk by chunk. */
export class ContentReader {
  // changed by events
  /** The first bytes, until there are enough to decide. */
  private head = Buffer.alloc(0);
  /** The content, once it is decided. */
  private found: Content | undefined;
  /** Checks that a text is UTF-8, across chunks. */
  private readonly decoder = new TextDecoder("utf-8", { fatal: true });
  private decided = false;

  /** The content, or `undefined` while it is undecided. Throws `invalid` for an unknown type. */
  push(chunk: Uint8Array): Content | undefined {
    if (this.decided) {
      if (this.found?.kind === "text") this.readText(chunk, true);
      return this.found;
    }
    this.head = Buffer.concat([this.head, chunk]);
    if (this.head.length >= headBytes) this.decide(true);
    return this.found;
  }

  /** The content of the whole upload. Throws `invalid` for an unknown type and for no bytes. */
  end(): Content {
    if (this.decided && this.found?.kind === "text") this.readText(new Uint8Array(), false);
    if (!this.decided) this.decide(false);
    if (this.found === undefined) throw invalid("file", "is empty");
    return this.found;
  }

  private decide(more: boolean): void {
    if (this.head.length === 0) return;
    this.decided = true;
    this.found = sniff(this.head);
    if (this.found !== undefined) return;
    this.readText(this.head, more);
    this.found = { kind: "text", mime: "text/plain; charset=utf-8" };
  }

  private readText(chunk: Uint8Array, more: boolean): void {
    let text: string;
    try {
      text = this.decoder.decode(chunk, { stream: more });
    } catch {
      throw unknownContent();
    }
    if (control.test(text)) throw unknownContent();
  }
}

function unknownContent(): ParleyError {
  return invalid("file", "its content is of no known type, whatever its name says");
}

function sniff(head: Buffer): Content | undefined {
  if (isPdf(head)) return { kind: "document", mime: "application/pdf" };
  const audio = sniffAudio(head);
  if (audio !== undefined) return { kind: "audio", mime: `audio/${audio}` };
  const image = sniffImage(head);
  if (image !== undefined) return { kind: "image", mime: `image/${image}` };
  const video = sniffVideo(head);
  // a box that begins with a letter would be larger than any accepted file: it is a text
  if ((video === "mp4" || video === "mov") && (head[0] ?? 0) >= 0x20) return undefined;
  return video === undefined ? undefined : { kind: "video", mime: videoTypes[video] };
}
