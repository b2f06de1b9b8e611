import type { Steps } from "../../lib/time-slices.ts";
import { textPart, withOwnLines, type Item, type Part, type Role, type TextPart } from "../../model/item.ts";
import { CallOrder } from "../shared/call-order.ts";
import { Fields } from "../shared/fields.ts";
import { readCall, readPart, readReasoning, type BlockContext } from "./block.ts";

/** The conversation as far as it was read. */
interface Reading extends BlockContext {
  order: CallOrder;
  items: Item[];
  /** System texts that came while calls waited for their results; they follow the results. */
  later: Item[];
}

/** Roles of the vendor's page (MiniMax API docs, Anthropic-compatible messages, 2026-11), and `system`, which Claude Code sends. */
const roles = [
  "user",
  "assistant",
  "system",
  "user_system",
  "group",
  "sample_message_user",
  "sample_message_ai",
] as const satisfies readonly Role[];

/** Messages that are read in one step. */
const messagesPerStep = 100;

/** `system` and `messages` as items, in order; the order of calls and results is checked on the way. */
export function* readConversation(body: Fields, context: BlockContext): Steps<Item[]> {
  const reading: Reading = { ...context, order: new CallOrder(), items: [], later: [] };
  addSystem(reading, readSystemParts(body, "system"));
  const systemItems = reading.items.length;
  const messages = body.required("messages", body.array("messages"));
  for (const [index, message] of messages.entries()) {
    if (index % messagesPerStep === 0) yield;
    readMessage(reading, Fields.of(message, body.elementOf("messages", index), body.phrases));
  }
  reading.order.endTurn();
  reading.items.push(...reading.later);
  if (reading.items.length === systemItems) throw body.error("messages", "must hold some content");
  return reading.items;
}

function readMessage(reading: Reading, message: Fields): void {
  const role = message.required("role", message.word("role", roles));
  if (role === "system") addSystem(reading, readSystemParts(message, "content"));
  else if (role === "assistant") readAssistant(reading, message);
  else readUser(reading, message, role);
}

/** What Claude Code writes for its own accounting: it changes with every release and would spoil the prefix cache. */
const accounting = /^x-anthropic-billing-header:/;

/** A string or text blocks. */
function readSystemParts(fields: Fields, key: string): TextPart[] {
  const value = fields.given(key);
  const texts =
    value === undefined || typeof value === "string"
      ? [fields.string(key) ?? ""]
      : Array.from(fields.objects(key), (block) => {
          block.required("type", block.word("type", ["text", "mid_conv_system"]));
          return block.requiredString("text");
        });
  return texts.filter((text) => text !== "" && !accounting.test(text)).map(textPart);
}

function addSystem(reading: Reading, parts: readonly TextPart[]): void {
  if (parts.length === 0) return;
  const item: Item = { type: "message", role: "system", parts };
  if (reading.order.waiting) reading.later.push(item);
  else reading.items.push(item);
}

function readAssistant(reading: Reading, message: Fields): void {
  endTurn(reading);
  const value = message.given("content");
  if (value === undefined || typeof value === "string") {
    pushMessage(reading, "assistant", textParts(message.string("content") ?? ""));
    return;
  }
  const calls = [];
  let text: Part[] = [];
  for (const block of message.objects("content")) {
    const type = block.requiredString("type");
    if (type === "text") {
      text.push(...textParts(block.requiredString("text")));
      continue;
    }
    const reasoning = readReasoning(block, type, reading);
    const call = readCall(block, type);
    if (reasoning === undefined && call === undefined) continue;
    // what stands between thinking and a call keeps its place
    pushMessage(reading, "assistant", text);
    text = [];
    if (reasoning !== undefined && reasoning.text !== "") reading.items.push(reasoning);
    if (call === undefined) continue;
    reading.items.push(call);
    calls.push(call);
  }
  pushMessage(reading, "assistant", text);
  if (calls.length > 0) reading.order.calls(calls, message.path);
}

/** Everyone who is not the assistant: results of tools first, then what stands beside them. */
function readUser(reading: Reading, message: Fields, role: Role): void {
  const value = message.given("content");
  if (value === undefined || typeof value === "string") {
    endTurn(reading);
    pushMessage(reading, role, textParts(message.string("content") ?? ""));
    return;
  }
  const results: Fields[] = [];
  const others: Fields[] = [];
  for (const block of message.objects("content")) {
    (block.requiredString("type") === "tool_result" ? results : others).push(block);
  }
  for (const block of results) readResult(reading, block);
  if (others.length === 0) return;
  endTurn(reading);
  let parts: Part[] = [];
  for (const block of others) {
    if (block.requiredString("type") === "mid_conv_system") {
      pushMessage(reading, role, parts);
      parts = [];
      pushMessage(reading, "system", textParts(block.requiredString("text")));
    } else parts.push(...readPart(block, reading));
  }
  pushMessage(reading, role, parts);
}

function readResult(reading: Reading, block: Fields): void {
  const id = block.nonEmptyString("tool_use_id");
  const value = block.given("content");
  const parts =
    value === undefined || typeof value === "string"
      ? textParts(block.string("content") ?? "")
      : Array.from(block.objects("content"), (part) => readPart(part, reading, "result")).flat();
  reading.order.result(id, block.path);
  const failed = block.boolean("is_error") ?? false;
  reading.items.push({ type: "result", id, parts: withOwnLines(parts), failed });
  if (reading.order.waiting) return;
  reading.items.push(...reading.later);
  reading.later = [];
}

/** Every call must have its result by now. */
function endTurn(reading: Reading): void {
  reading.order.endTurn();
  reading.items.push(...reading.later);
  reading.later = [];
}

function pushMessage(reading: Reading, role: Role, parts: readonly Part[]): void {
  if (parts.length > 0) reading.items.push({ type: "message", role, parts });
}

function textParts(text: string): TextPart[] {
  return text === "" ? [] : [textPart(text)];
}
