import { jsonText } from "../../lib/json-scanner/write.ts";
import type { Steps } from "../../lib/time-slices.ts";
import type { ModelCard } from "../../model/card.ts";
import { ParleyError } from "../../model/error.ts";
import { textPart, type CallItem, type Part, type ReasoningItem } from "../../model/item.ts";
import type { Fields } from "../shared/fields.ts";
import {
  checkModality,
  imagePart,
  notShown,
  plainWords,
  readMedia,
  unread,
  videoPart,
  type MediaSource,
} from "../shared/media.ts";
import { thinkingOf, type Signer } from "./signature.ts";

/** What the blocks of one request are read with. */
export interface BlockContext {
  card: ModelCard;
  strict: boolean;
  /** Whose encrypted thinking can be read; absent: no one's. */
  owner: string | undefined;
  signer: Signer;
}

/** Blocks of an assistant's turn that the server's own tools left there; without these tools they say nothing. */
const leftOut: ReadonlySet<string> = new Set(["redacted_thinking", "server_tool_use", "web_search_tool_result"]);

/** Blocks of a tool's result that hold a file. */
const files: ReadonlySet<string> = new Set(["document", "search_result"]);

/** A block that a user or a tool's result says: text, image or video; none where the text is empty. */
export function readPart(block: Fields, context: BlockContext, place: "message" | "result" = "message"): Part[] {
  const type = block.requiredString("type");
  if (type === "text") {
    const text = block.requiredString("text");
    return text === "" ? [] : [textPart(text)];
  }
  if (type === "image" || type === "video") return [readPicture(block, type, context, place)];
  if (place === "result") {
    // the tool that a search for tools has found; its definition stands in `tools`
    if (type === "tool_reference") return [textPart(`[tool ${block.nonEmptyString("tool_name")} can be called now]`)];
    if (files.has(type)) return [notShown("file", context.card)];
  }
  throw unsupported(block, type);
}

function readPicture(block: Fields, type: "image" | "video", context: BlockContext, place: "message" | "result"): Part {
  const { card, strict } = context;
  const replaced = unread(type, { card, place, strict });
  if (replaced !== undefined) return replaced;
  checkModality(block, card, type);
  const source = block.requiredObject("source");
  const media: MediaSource = {
    media: readSource(source, strict),
    options: [source, block],
    words: plainWords,
    param: source.path,
  };
  return type === "image" ? imagePart(media) : videoPart(media);
}

function readSource(source: Fields, strict: boolean): MediaSource["media"] {
  const type = source.required("type", source.word("type", ["url", "base64"]));
  if (type === "url") return readMedia(source.nonEmptyString("url"), source.pathOf("url"), strict);
  const data = source.nonEmptyLongString("data");
  const mime = source.string("media_type");
  if (mime === undefined || mime === "") return readMedia(data, source.pathOf("data"), strict);
  if (/[\s,;]/.test(mime)) throw source.error("media_type", "must be a media type such as image/png");
  const start = `data:${mime};base64,`;
  return { kind: "url", url: typeof data === "string" ? start + data : data.behind(start) };
}

/**
 * The reasoning in a block of the assistant, whatever its signature; `""` where it holds none that can be read, `undefined`
 * for another block.
 */
export function readReasoning(block: Fields, type: string, context: BlockContext): ReasoningItem | undefined {
  if (type !== "thinking") return undefined;
  const text = block.string("thinking") ?? "";
  const signature = block.string("signature") ?? "";
  if (text.trim() !== "" || signature === "") return { type: "reasoning", text: text.trim() === "" ? "" : text };
  return { type: "reasoning", text: thinkingOf(context.signer, context.owner, signature) ?? "" };
}

/** The call in a block of the assistant; `undefined` for a block that says nothing, or that `readReasoning` has read. */
export function* readCall(block: Fields, type: string): Steps<CallItem | undefined> {
  if (type === "thinking" || leftOut.has(type)) return undefined;
  if (type !== "tool_use") throw unsupported(block, type);
  const id = block.nonEmptyString("id");
  const name = block.nonEmptyString("name");
  const input = block.object("input")?.value ?? {};
  block.checkDepth("input", input);
  return { type: "call", id, name, args: yield* jsonText(input) };
}

/** In the vendor's words (MiniMax API docs, Anthropic-compatible messages, errors, 2026-11). */
function unsupported(block: Fields, type: string): ParleyError {
  const problem = `${block.path}: unsupported content type '${type.slice(0, 64)}'`;
  return new ParleyError("invalid", problem, { param: block.path });
}
