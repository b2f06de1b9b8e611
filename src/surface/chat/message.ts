import { maxStringUnits } from "../../lib/long-text.ts";
import type { Steps } from "../../lib/time-slices.ts";
import type { Family, ModelCard } from "../../model/card.ts";
import { ParleyError } from "../../model/error.ts";
import { roles, textOf, textPart, withOwnLines } from "../../model/item.ts";
import type { CallItem, Item, Part, Role } from "../../model/item.ts";
import { isObject } from "../../model/json.ts";
import { CallOrder } from "../shared/call-order.ts";
import { Fields } from "../shared/fields.ts";
import { readCalls } from "./calls.ts";
import { MediaCount, readImage, readVideo } from "./media.ts";
import { unread } from "../shared/media.ts";
import { readReasoningFields, splitReasoning } from "./reasoning-input.ts";

/** Roles that the page of each model family documents; strict mode takes no others (MiniMax API docs, 2026-11). */
const strictRoles: Readonly<Record<Family, readonly string[]>> = {
  m3: ["root", "system", "user", "assistant", "tool"],
  m2: ["system", "user", "assistant", "tool", "user_system", "group", "sample_message_user", "sample_message_ai"],
  her: ["system", "user", "assistant", "user_system", "group", "sample_message_user", "sample_message_ai"],
};
const systemRoles: readonly string[] = ["root", "system", "developer"];

/** Parts that are not text. */
const partKinds: ReadonlyMap<string, "image" | "video" | "file"> = new Map([
  ["image_url", "image"],
  ["video_url", "video"],
  ["file", "file"],
  ["input_audio", "file"],
  ["audio", "file"],
]);

/** The conversation as far as it was read. */
interface Reading {
  card: ModelCard;
  strict: boolean;
  media: MediaCount;
  order: CallOrder;
  items: Item[];
}

/** Messages that are read in one step. */
const messagesPerStep = 100;

/** The messages as items, in order; the order of calls and results is checked on the way. */
export function* readMessages(body: Fields, card: ModelCard, strict: boolean): Steps<Item[]> {
  const messages = body.array("messages");
  if (messages === undefined) {
    const other = body.given("input") === undefined ? "" : "; `input` belongs to /v1/responses";
    throw body.error("messages", `is required${other}`);
  }
  const reading: Reading = { card, strict, media: new MediaCount(card), order: new CallOrder(), items: [] };
  for (const [index, message] of messages.entries()) {
    if (index % messagesPerStep === 0) yield;
    readMessage(reading, Fields.of(message, `messages[${index}]`, body.phrases));
  }
  reading.order.endTurn();
  if (strict) checkSystemPlaces(reading, messages);
  if (reading.items.every((item) => item.type === "message" && item.parts.length === 0)) throw emptyContent("messages");
  return reading.items;
}

function readMessage(reading: Reading, message: Fields): void {
  const role = readRole(reading, message);
  if (role === "tool") readResult(reading, message);
  else if (role === "assistant") readAssistant(reading, message);
  else readOther(reading, message, role);
}

function readRole(reading: Reading, message: Fields): Role | "tool" {
  const name = message.requiredString("role");
  const role = name === "tool" ? name : roles.find((one) => one === name);
  if (role === undefined || (reading.strict && !strictRoles[reading.card.family].includes(name))) {
    throw new ParleyError("invalid", `invalid role: ${name.slice(0, 64)}`, { param: message.pathOf("role") });
  }
  return role;
}

/** Every role that neither answers nor carries the result of a tool. */
function readOther(reading: Reading, message: Fields, role: Role): void {
  const name = message.string("name") ?? "";
  const parts = readContent(reading, message);
  reading.order.endTurn();
  const system = systemRoles.includes(role);
  if (reading.strict && parts.length === 0 && !(system && message.given("content") === undefined)) {
    throw emptyContent(message.path);
  }
  // Without text it sets nothing; the vendor's own sample of M2.7 sends one such.
  if (system && parts.length === 0) return;
  reading.items.push({ type: "message", role, parts, ...(name === "" ? {} : { name }) });
}

function readAssistant(reading: Reading, message: Fields): void {
  const name = message.string("name") ?? "";
  const content = readContent(reading, message);
  if (content.some((part) => part.type !== "text")) throw message.error("content", "an assistant says text only");
  const calls = readCalls(message, reading.strict);
  if (calls.length > 0) reading.order.calls(calls, message.path);
  else reading.order.endTurn();
  if (reading.strict) checkAssistantContent(message, content, calls);

  const inline = splitReasoning(message, joinedText(message, content), reading.card.reasoningForm);
  const field = readReasoningFields(message);
  if (field !== "" && !inline.reasoning.includes(field.trim())) reading.items.push({ type: "reasoning", text: field });
  for (const text of inline.reasoning) reading.items.push({ type: "reasoning", text });
  // White space before a call is the tag's own newline, not part of an answer.
  if (calls.length === 0 || inline.text.trim() !== "") {
    const parts = inline.text === "" ? [] : [textPart(inline.text)];
    reading.items.push({ type: "message", role: "assistant", parts, ...(name === "" ? {} : { name }) });
  }
  reading.items.push(...calls);
}

/** The text of the parts as one, no longer than one text may be: its reasoning may begin in one part and end in another. */
function joinedText(message: Fields, parts: readonly Part[]): string {
  const chars = parts.reduce((sum, part) => sum + (part.type === "text" ? part.text.length : 0), 0);
  if (chars <= maxStringUnits) return textOf(parts);
  throw message.error("content", `must have at most ${maxStringUnits} characters, not ${chars}`);
}

function readResult(reading: Reading, message: Fields): void {
  const id = message.requiredString("tool_call_id");
  const parts = readContent(reading, message, "result");
  if (reading.strict && parts.length === 0 && message.given("content") !== undefined) throw emptyContent(message.path);
  reading.order.result(id, message.path);
  reading.items.push({ type: "result", id, parts: withOwnLines(parts), failed: false });
}

/** Strict: null or no content beside calls is fine, `""` never is. */
function checkAssistantContent(message: Fields, parts: readonly Part[], calls: readonly CallItem[]): void {
  if (parts.length > 0 || (calls.length > 0 && message.given("content") === undefined)) return;
  throw emptyContent(message.path);
}

function readContent(reading: Reading, message: Fields, place: "message" | "result" = "message"): Part[] {
  const content = message.given("content");
  if (content === undefined || content === "") return [];
  if (typeof content === "string") return [textPart(content)];
  if (!Array.isArray(content)) throw message.error("content", "must be a string or an array of parts");
  const path = message.pathOf("content");
  const parts = content.map((part: unknown, index) =>
    readPart(reading, Fields.of(part, `${path}[${index}]`, message.phrases), place),
  );
  return parts.filter((part) => part.type !== "text" || part.text !== "");
}

function readPart(reading: Reading, part: Fields, place: "message" | "result"): Part {
  const type = part.requiredString("type");
  const { card, strict } = reading;
  const kind = partKinds.get(type);
  const replaced = kind === undefined ? undefined : unread(kind, { card, place, strict });
  if (replaced !== undefined) return replaced;
  switch (type) {
    case "text":
    case "refusal":
      return textPart(part.requiredString(type));
    case "image_url":
      reading.media.add("image", part);
      return readImage(part, strict);
    case "video_url":
      reading.media.add("video", part);
      return readVideo(part, strict);
    case "input_audio":
    case "audio":
      throw new ParleyError("invalid", "history message not support audio", { param: part.path });
    default:
      throw part.error("type", "must be one of text, image_url, video_url");
  }
}

/** Strict, all families but M3: one system message, in the first place. */
function checkSystemPlaces(reading: Reading, messages: readonly unknown[]): void {
  if (reading.card.family === "m3") return;
  const places = [...messages.keys()].filter((index) => {
    const message = messages[index];
    return isObject(message) && message["role"] === "system";
  });
  const late = places.find((place, order) => place !== order);
  if (late !== undefined) {
    const problem = "chat content has invalid message role: system";
    throw new ParleyError("invalid", problem, { param: `messages[${late}].role` });
  }
  if (places.length > 1) throw new ParleyError("invalid", "invalid chat setting", { param: "messages[1].role" });
}

function emptyContent(param: string): ParleyError {
  return new ParleyError("invalid", "chat content is empty", { param });
}
