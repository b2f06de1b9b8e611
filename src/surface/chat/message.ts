import type { Family, ModelCard } from "../../model/card.ts";
import { invalid, ParleyError } from "../../model/error.ts";
import { roles, textOf, textPart } from "../../model/item.ts";
import type { CallItem, Item, Part, Role } from "../../model/item.ts";
import { isObject } from "../../model/json.ts";
import { readArray, readString, required } from "./field.ts";
import { CallLedger, readCalls } from "./history.ts";
import { MediaCount, readImage, readVideo } from "./media.ts";
import { partThought, readThoughtFields } from "./thought.ts";

/** Roles each family's page documents; what strict mode takes (spec sheet 1.3, 10 row 8). */
const strictRoles: Readonly<Record<Family, readonly string[]>> = {
  m3: ["root", "system", "user", "assistant", "tool"],
  m2: ["system", "user", "assistant", "tool", "user_system", "group", "sample_message_user", "sample_message_ai"],
  her: ["system", "user", "assistant", "user_system", "group", "sample_message_user", "sample_message_ai"],
};
const systemVoices: readonly string[] = ["root", "system", "developer"];

interface Reading {
  card: ModelCard;
  strict: boolean;
  media: MediaCount;
  ledger: CallLedger;
  items: Item[];
}

/** Messages unfolded into items, in order; the history rules of `history.ts` are checked on the way. */
export function readMessages(value: unknown, card: ModelCard, strict: boolean): Item[] {
  const messages = required(readArray(value, "messages"), "messages");
  const reading: Reading = { card, strict, media: new MediaCount(card), ledger: new CallLedger(), items: [] };
  for (const [index, message] of messages.entries()) readMessage(reading, message, index);
  reading.ledger.settle();
  if (strict) checkSystemPlaces(reading, messages);
  if (!reading.items.some(saysSomething)) throw emptyContent("messages");
  return reading.items;
}

function readMessage(reading: Reading, message: unknown, index: number): void {
  const path = `messages[${index}]`;
  if (!isObject(message)) throw invalid(path, "must be an object");
  const role = readRole(reading, message["role"], `${path}.role`);
  if (role === "tool") readResult(reading, message, path);
  else if (role === "assistant") readAssistant(reading, message, path);
  else readVoice(reading, { message, role, path });
}

function readRole(reading: Reading, value: unknown, path: string): Role | "tool" {
  const name = required(readString(value, path), path);
  const role = name === "tool" ? name : roles.find((one) => one === name);
  if (role === undefined || (reading.strict && !strictRoles[reading.card.family].includes(name))) {
    throw new ParleyError("invalid", `invalid role: ${name.slice(0, 64)}`, { param: path });
  }
  return role;
}

/** Every role that neither answers nor carries a tool's result. */
function readVoice(reading: Reading, voice: { message: Record<string, unknown>; role: Role; path: string }): void {
  const { message, role, path } = voice;
  const name = readString(message["name"], `${path}.name`) ?? "";
  const parts = readContent(reading, message["content"], `${path}.content`);
  reading.ledger.settle();
  const system = systemVoices.includes(role);
  if (reading.strict && isEmpty(parts) && !(system && isAbsent(message["content"]))) throw emptyContent(path);
  // Without text it sets nothing (seed 003 sends one such).
  if (system && isEmpty(parts)) return;
  reading.items.push({ type: "message", role, parts, ...(name === "" ? {} : { name }) });
}

function readAssistant(reading: Reading, message: Record<string, unknown>, path: string): void {
  const name = readString(message["name"], `${path}.name`) ?? "";
  const content = readContent(reading, message["content"], `${path}.content`);
  if (content.some((part) => part.type !== "text")) throw invalid(`${path}.content`, "an assistant says text only");
  const calls = readCalls(message["tool_calls"], `${path}.tool_calls`, reading.strict);
  if (calls.length > 0) reading.ledger.called(calls, path);
  else reading.ledger.settle();
  if (reading.strict) checkAssistantContent(message["content"], content, calls, path);

  const inline = partThought(textOf(content), reading.card.reasoningForm);
  const field = readThoughtFields(message, path);
  if (field !== "" && !inline.thoughts.includes(field.trim())) reading.items.push({ type: "reasoning", text: field });
  for (const text of inline.thoughts) reading.items.push({ type: "reasoning", text });
  // A whitespace rest before a call is the tag's own newline, not something said.
  if (calls.length === 0 || inline.text.trim() !== "") {
    const parts = inline.text === "" ? [] : [textPart(inline.text)];
    reading.items.push({ type: "message", role: "assistant", parts, ...(name === "" ? {} : { name }) });
  }
  reading.items.push(...calls);
}

function readResult(reading: Reading, message: Record<string, unknown>, path: string): void {
  const id = required(readString(message["tool_call_id"], `${path}.tool_call_id`), `${path}.tool_call_id`);
  const parts = readContent(reading, message["content"], `${path}.content`);
  if (reading.strict && isEmpty(parts) && !isAbsent(message["content"])) throw emptyContent(path);
  reading.ledger.answered(id, path);
  reading.items.push({ type: "result", id, parts, failed: false });
}

/** Strict: null or no content beside calls is fine, `""` never is (spec sheet 4.4). */
function checkAssistantContent(value: unknown, parts: readonly Part[], calls: readonly CallItem[], path: string): void {
  if (!isEmpty(parts) || (calls.length > 0 && isAbsent(value))) return;
  throw emptyContent(path);
}

function readContent(reading: Reading, value: unknown, path: string): Part[] {
  if (isAbsent(value) || value === "") return [];
  if (typeof value === "string") return [textPart(value)];
  if (!Array.isArray(value)) throw invalid(path, "must be a string or an array of parts");
  const parts = (value as unknown[]).map((part, index) => readPart(reading, part, `${path}[${index}]`));
  return parts.filter((part) => part.type !== "text" || part.text !== "");
}

function readPart(reading: Reading, part: unknown, path: string): Part {
  if (!isObject(part)) throw invalid(path, "must be an object");
  const type = required(readString(part["type"], `${path}.type`), `${path}.type`);
  switch (type) {
    case "text":
      return textPart(required(readString(part["text"], `${path}.text`), `${path}.text`));
    case "refusal":
      return textPart(required(readString(part["refusal"], `${path}.refusal`), `${path}.refusal`));
    case "image_url": {
      reading.media.add("image", path);
      return readImage(part, path);
    }
    case "video_url": {
      reading.media.add("video", path);
      return readVideo(part, path);
    }
    case "input_audio":
    case "audio":
      throw new ParleyError("invalid", "history message not support audio", { param: path });
    default:
      throw invalid(`${path}.type`, "must be one of text, image_url, video_url");
  }
}

/** Strict, M2 and M2-her: one system message, in the first place (spec sheet 4.4; M3 takes several). */
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

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function isEmpty(parts: readonly Part[]): boolean {
  return parts.length === 0;
}

function saysSomething(item: Item): boolean {
  return item.type !== "message" || item.parts.length > 0;
}

function emptyContent(param: string): ParleyError {
  return new ParleyError("invalid", "chat content is empty", { param });
}
