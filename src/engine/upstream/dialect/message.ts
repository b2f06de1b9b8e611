import type { Family } from "../../../model/card.ts";
import { invalid } from "../../../model/error.ts";
import {
  textOf,
  type CallItem,
  type ImagePart,
  type Item,
  type Media,
  type MessageItem,
  type Part,
  type ReasoningItem,
  type Role,
  type VideoPart,
} from "../../../model/item.ts";
import type { Json, JsonObject } from "../../../model/json.ts";
import { dataUrl } from "../wire/body.ts";
import type { Dialect, ReasoningField } from "./dialect.ts";

/** An assistant turn while its items gather. */
interface Turn {
  reasoning: string;
  message: MessageItem | undefined;
  calls: CallItem[];
}

type Block = Turn | Exclude<Item, ReasoningItem | CallItem>;

/**
 * How role-play voices are put into words for models that have no such roles
 * (platform.minimax.io/docs/guides/text-chat).
 */
const spoken: Partial<Record<Role, (text: string, name: string) => string>> = {
  user_system: (text, name) => `The user${name === "" ? "" : ` (${name})`}: ${text}`,
  group: (text, name) => `The conversation${name === "" ? "" : ` (${name})`}: ${text}`,
  sample_message_user: (text, name) => `Example of the user${name === "" ? "" : ` (${name})`}: ${text}`,
  sample_message_ai: (text, name) => `Example of the assistant${name === "" ? "" : ` (${name})`}: ${text}`,
};

const systemRoles: ReadonlySet<Role> = new Set(["root", "system", "developer"]);

/** Items as the `messages` of a chat upstream. */
export function chatMessages(items: readonly Item[], dialect: Dialect, family: Family | undefined): Json {
  const blocks = groupTurns(items);
  const reasoningFrom = firstReasoning(blocks, family);
  const messages: JsonObject[] = [];
  const instructions: Part[] = [];
  for (const [at, block] of blocks.entries()) {
    if ("calls" in block) messages.push(assistantMessage(block, at >= reasoningFrom, dialect));
    else if (block.type === "result") messages.push(resultMessage(block.id, block.parts, dialect));
    else {
      const role = roleFor(block.role, dialect, family);
      if (role === "system" && dialect.systems === "merge") instructions.push(...instruction(block));
      else if (role !== undefined) messages.push(plainMessage(role, block, dialect));
    }
  }
  if (instructions.length > 0) {
    const merged: Part[] = [];
    for (const part of instructions) append(merged, part);
    messages.unshift({ role: "system", content: content(merged, dialect) });
  }
  return messages;
}

/** Reasoning, text and calls that follow one another are one turn; chat has one message for them. */
function groupTurns(items: readonly Item[]): Block[] {
  const blocks: Block[] = [];
  let turn: Turn | undefined;
  const beforeMessage = leadsToMessage(items);
  for (const [at, item] of items.entries()) {
    const own =
      item.type === "reasoning" || item.type === "call" || (item.type === "message" && item.role === "assistant");
    if (!own) {
      turn = undefined;
      blocks.push(item);
      continue;
    }
    const apart = item.type === "reasoning" && turn?.message !== undefined && beforeMessage[at] === true;
    if (turn === undefined || apart || !fits(turn, item)) {
      turn = { reasoning: "", message: undefined, calls: [] };
      blocks.push(turn);
    }
    if (item.type === "reasoning") turn.reasoning += turn.reasoning === "" ? item.text : `\n${item.text}`;
    else if (item.type === "call") turn.calls.push(item);
    else turn.message = item;
  }
  return blocks;
}

/** Of each item: the next one that is not reasoning is a message of the assistant. */
function leadsToMessage(items: readonly Item[]): readonly boolean[] {
  const leads: boolean[] = Array.from({ length: items.length }, () => false);
  let message = false;
  for (let at = items.length - 1; at >= 0; at--) {
    const item = items[at];
    leads[at] = message;
    if (item?.type !== "reasoning") message = item?.type === "message" && item.role === "assistant";
  }
  return leads;
}

function fits(turn: Turn, item: Item): boolean {
  // also after calls: a message between them and their results is what servers refuse
  if (item.type === "message") return turn.message === undefined;
  return item.type === "call" || turn.calls.length === 0;
}

/**
 * The first block whose reasoning is sent. M3 is shown all reasoning; M2 and models of other makers only that after the
 * last message of the user, so that a tool loop keeps it (chat_template.jinja of MiniMaxAI/MiniMax-M2 and MiniMax-M3).
 */
function firstReasoning(blocks: readonly Block[], family: Family | undefined): number {
  if (family === "m3") return 0;
  if (family === "her") return blocks.length;
  return blocks.findLastIndex((block) => "role" in block && block.role === "user") + 1;
}

/** The role on the wire. */
function roleFor(role: Role, dialect: Dialect, family: Family | undefined): string {
  if (role === "root") return dialect.root && family === "m3" ? role : "system";
  if (role === "developer") return dialect.developer ? role : "system";
  if (spoken[role] !== undefined) return dialect.rolePlay && family === "her" ? role : "system";
  return role;
}

function instruction(item: MessageItem): readonly Part[] {
  if (systemRoles.has(item.role)) return item.parts;
  return [{ type: "text", text: spokenText(item) }, ...item.parts.filter((part) => part.type !== "text")];
}

function spokenText(item: MessageItem): string {
  return spoken[item.role]?.(textOf(item.parts), item.name ?? "") ?? textOf(item.parts);
}

/** Joins instructions with an empty line between them, as one text where they are texts. */
function append(parts: Part[], part: Part): void {
  const last = parts.at(-1);
  if (part.type !== "text" || last?.type !== "text") parts.push(part);
  else if (part.text !== "")
    parts[parts.length - 1] = { type: "text", text: last.text === "" ? part.text : `${last.text}\n\n${part.text}` };
}

function plainMessage(role: string, item: MessageItem, dialect: Dialect): JsonObject {
  const parts = role === "system" ? instruction(item) : item.parts;
  return { role, ...(item.name === undefined ? {} : { name: item.name }), content: content(parts, dialect) };
}

function resultMessage(id: string, parts: readonly Part[], dialect: Dialect): JsonObject {
  return { role: "tool", tool_call_id: id, content: content(parts, dialect) };
}

function assistantMessage(turn: Turn, withReasoning: boolean, dialect: Dialect): JsonObject {
  const text = turn.message === undefined ? "" : textOf(turn.message.parts);
  // An empty string beside calls is what the vendor refuses; null is accepted everywhere.
  const message: Record<string, Json> = {
    role: "assistant",
    content: text === "" && turn.calls.length > 0 ? null : text,
  };
  if (turn.message?.name !== undefined) message["name"] = turn.message.name;
  if (withReasoning && turn.reasoning !== "") {
    for (const field of dialect.reasoningHistory) message[field] = reasoningValues[field](turn.reasoning);
  }
  if (turn.calls.length > 0) {
    message["tool_calls"] = turn.calls.map(({ id, name, args }) => ({
      id,
      type: "function",
      function: { name, arguments: args },
    }));
  }
  return message;
}

const reasoningValues: Readonly<Record<ReasoningField, (text: string) => Json>> = {
  reasoning: (text) => text,
  reasoning_content: (text) => text,
  reasoning_details: (text) => [
    { type: "reasoning.text", id: "reasoning-text-1", format: "MiniMax-response-v1", index: 0, text },
  ],
};

/** A string where there is only text, else parts. */
export function content(parts: readonly Part[], dialect: Dialect): Json {
  if (parts.every((part) => part.type === "text")) return textOf(parts);
  return parts.flatMap((part): Json[] => {
    if (part.type === "text") return part.text === "" ? [] : [{ type: "text", text: part.text }];
    return part.type === "image" ? [imagePart(part, dialect)] : videoParts(part, dialect);
  });
}

const openaiDetail = { low: "low", high: "high" } as const;

function imagePart(part: ImagePart, dialect: Dialect): JsonObject {
  const url = mediaUrl(part.media, part.param);
  if (dialect.detail === "vendor") return { type: "image_url", image_url: { url, ...vendorDetail(part) } };
  const detail = part.detail === "default" ? {} : { detail: openaiDetail[part.detail] };
  return { type: "image_url", image_url: { url, ...detail } };
}

function videoParts(part: VideoPart, dialect: Dialect): JsonObject[] {
  // one that is too large to be sent has come as frames only
  const whole = part.media.kind !== "bytes" || part.media.bytes.length > 0;
  if (dialect.video === "native" && whole) {
    const url = mediaUrl(part.media, part.param);
    const fields = dialect.detail === "vendor" ? { ...vendorDetail(part), fps: part.fps } : {};
    return [{ type: "video_url", video_url: { url, ...fields } }];
  }
  if (part.frames === undefined) throw invalid(part.param ?? "", "this model's engine takes no video");
  return part.frames.flatMap((frame) => [
    { type: "text", text: `[${frame.at.toFixed(1)} s]` },
    { type: "image_url", image_url: { url: dataUrl(frame.mime, frame.bytes) } },
  ]);
}

function vendorDetail(part: ImagePart | VideoPart): JsonObject {
  return { detail: part.detail, ...(part.maxLongSide === undefined ? {} : { max_long_side_pixel: part.maxLongSide }) };
}

function mediaUrl(media: Media, param: string | undefined): Json {
  if (media.kind === "url") return String(media.url);
  if (media.kind === "bytes") return dataUrl(media.mime, media.bytes);
  throw invalid(param ?? "", "the file was not resolved for this engine");
}
