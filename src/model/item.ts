import type { LongText } from "../lib/long-text.ts";
import type { JsonObject } from "./json.ts";

/**
 * What a conversation is made of: a flat list of items. Chat messages with tool calls unfold into it on parse; the
 * Responses surface has nearly this shape on the wire.
 */

/**
 * Who speaks. `root` ranks above `system`; `developer` is a system voice. The last four are the role-play roles:
 * persona of the user, scene of a group, and example turns (MiniMax API docs, role-play guide).
 */
export const roles = [
  "root",
  "system",
  "developer",
  "user",
  "assistant",
  "user_system",
  "group",
  "sample_message_user",
  "sample_message_ai",
] as const;
export type Role = (typeof roles)[number];

export type Detail = "low" | "default" | "high";

/** Pixels. */
export interface PixelSize {
  width: number;
  height: number;
}

/** Each 0 to 255, sRGB. */
export interface Color {
  red: number;
  green: number;
  blue: number;
}

/**
 * Where the bytes of an image or a video are. Surfaces produce `url` (http, https or data) and `file`;
 * `media/prepare` turns both into `bytes` before an engine sees them.
 */
export type Media =
  | { kind: "url"; url: string | LongText }
  | { kind: "file"; fileId: string }
  | { kind: "bytes"; mime: string; bytes: Uint8Array };

/** One sampled picture of a video; `at` in seconds from its start. */
export interface Frame {
  at: number;
  mime: string;
  bytes: Uint8Array;
  size?: PixelSize;
  /** Its main color. */
  color?: Color;
}

export interface TextPart {
  type: "text";
  text: string;
}
export interface ImagePart {
  type: "image";
  media: Media;
  detail: Detail;
  /** Pixels. */
  maxLongSide?: number;
  /** Set by `media/prepare`: pixels after scaling. */
  size?: PixelSize;
  /** Set by `media/prepare`: its main color. */
  color?: Color;
  /** Where it stood in the caller's body, for error messages. */
  param?: string;
}
export interface VideoPart {
  type: "video";
  media: Media;
  detail: Detail;
  /** Frames per second to sample. */
  fps: number;
  /** Pixels. */
  maxLongSide?: number;
  /** Set by `media/prepare` for engines that take pictures only. */
  frames?: readonly Frame[];
  param?: string;
}
export type Part = TextPart | ImagePart | VideoPart;

export interface MessageItem {
  type: "message";
  role: Role;
  parts: readonly Part[];
  name?: string;
  /** The caller's own label on an assistant message (Responses `phase`); carried, never interpreted. */
  phase?: string;
  /**
   * Tools that can be called from here on, as the Responses wire has them. Kept in histories; a message with tools and
   * without parts never reaches an engine.
   */
  tools?: readonly JsonObject[];
}
export interface ReasoningItem {
  type: "reasoning";
  text: string;
  /** The encrypted form a stateless caller sends back. */
  encrypted?: string;
}
export interface CallItem {
  type: "call";
  id: string;
  name: string;
  /** JSON text, as the model or the caller wrote it. */
  args: string;
}
export interface ResultItem {
  type: "result";
  /** The id of the call it answers. */
  id: string;
  parts: readonly Part[];
  failed: boolean;
}
export type Item = MessageItem | ReasoningItem | CallItem | ResultItem;

export function textPart(text: string): TextPart {
  return { type: "text", text };
}

/** The text of parts, joined; images and videos say nothing here. */
export function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** The line in a tool's result that stands for what its model or engine cannot read. */
export function notShownText(kind: "image" | "video" | "file", reads: readonly ("text" | "image" | "video")[]): string {
  const plural = { text: "text", image: "images", video: "videos" };
  const words = reads.map((one) => plural[one]);
  const last = words.pop() ?? "text";
  const listed = words.length === 0 ? last : `${words.join(", ")} and ${last}`;
  return `[${kind} not shown: this model reads ${listed} only]`;
}

const notShownLine = /^\[(?:image|video|file) not shown: this model reads [a-z, ]+ only\]$/;

/** The parts with every `notShownText` on a line of its own, since the texts of parts are joined without anything between. */
export function withOwnLines(parts: readonly Part[]): readonly Part[] {
  return parts.map((part, index) => {
    const before = parts[index - 1];
    if (part.type !== "text" || before?.type !== "text") return part;
    if (![before.text, part.text].some((text) => notShownLine.test(text))) return part;
    return before.text.endsWith("\n") || part.text.startsWith("\n") ? part : textPart(`\n${part.text}`);
  });
}
