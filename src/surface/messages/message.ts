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
  /** Messages and blocks so far. */
  count: number;
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

/** Messages and blocks that are read in one step. */
const readPerStep = 50;

/** `system` and `messages` as items, in order; the order of calls and results is checked on the way. */
export function* readConversation(body: Fields, context: BlockContext): Steps<Item[]> {
  const reading: Reading = { ...context, order: new CallOrder(), items: [], later: [], count: 0 };
  addSystem(reading, yield* readSystemParts(reading, body, "system"));
  const systemItems = reading.items.length;
  const messages = body.required("messages", body.array("messages"));
  for (const [index, message] of messages.entries()) {
    if (endsStep(reading)) yield;
    yield* readMessage(reading, Fields.of(message, body.elementOf("messages", index), body.phrases));
  }
  endTurn(reading);
  if (reading.items.length === systemItems) throw body.error("messages", "must hold some content");
  return reading.items;
}

/** Counts a message or a block; true where it is the last one of a step. */
function endsStep(reading: Reading): boolean {
  reading.count += 1;
  return reading.count % readPerStep === 0;
}

function* readMessage(reading: Reading, message: Fields): Steps<void> {
  const role = message.required("role", message.word("role", roles));
  if (role === "system") addSystem(reading, yield* readSystemParts(reading, message, "content"));
  else if (role === "assistant") yield* readAssistant(reading, message);
  else yield* readUser(reading, message, role);
}

/** The line that Claude Code writes for its own accounting: it changes with every release and would spoil the prefix cache. */
const accounting = /^x-anthropic-billing-header:.*(?:\r?\n|$)/;

/** A string or text blocks. */
function* readSystemParts(reading: Reading, fields: Fields, key: string): Steps<TextPart[]> {
  const value = fields.given(key);
  if (value === undefined || typeof value === "string") return systemParts(fields.string(key) ?? "");
  const parts: TextPart[] = [];
  for (const block of fields.objects(key)) {
    if (endsStep(reading)) yield;
    block.required("type", block.word("type", ["text", "mid_conv_system"]));
    parts.push(...systemParts(block.requiredString("text")));
  }
  return parts;
}

function systemParts(text: string): TextPart[] {
  return textParts(text.replace(accounting, ""));
}

function addSystem(reading: Reading, parts: readonly TextPart[]): void {
  if (parts.length === 0) return;
  const item: Item = { type: "message", role: "system", parts };
  if (reading.order.waiting) reading.later.push(item);
  else reading.items.push(item);
}

/** Several in a row may each make calls: clients write one turn as several messages. */
function* readAssistant(reading: Reading, message: Fields): Steps<void> {
  const value = message.given("content");
  if (value === undefined || typeof value === "string") {
    endTurn(reading);
    pushMessage(reading, "assistant", textParts(message.string("content") ?? ""));
    return;
  }
  const calls = [];
  let text: Part[] = [];
  for (const block of message.objects("content")) {
    if (endsStep(reading)) yield;
    const type = block.requiredString("type");
    if (type === "text") {
      text.push(...textParts(block.requiredString("text")));
      continue;
    }
    const reasoning = readReasoning(block, type, reading);
    const call = yield* readCall(block, type);
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
  else endTurn(reading);
}

/** Everyone who is not the assistant: results of tools first, then what stands beside them. */
function* readUser(reading: Reading, message: Fields, role: Role): Steps<void> {
  const value = message.given("content");
  if (value === undefined || typeof value === "string") {
    endTurn(reading);
    pushMessage(reading, role, textParts(message.string("content") ?? ""));
    return;
  }
  const results: Fields[] = [];
  const others: Fields[] = [];
  for (const block of message.objects("content")) {
    if (endsStep(reading)) yield;
    (block.requiredString("type") === "tool_result" ? results : others).push(block);
  }
  for (const block of results) yield* readResult(reading, block);
  if (others.length === 0) return;
  endTurn(reading);
  let parts: Part[] = [];
  for (const block of others) {
    if (endsStep(reading)) yield;
    if (block.requiredString("type") === "mid_conv_system") {
      pushMessage(reading, role, parts);
      parts = [];
      pushMessage(reading, "system", textParts(block.requiredString("text")));
    } else parts.push(...readPart(block, reading));
  }
  pushMessage(reading, role, parts);
}

function* readResult(reading: Reading, block: Fields): Steps<void> {
  if (endsStep(reading)) yield;
  const id = block.nonEmptyString("tool_use_id");
  const parts = yield* readResultParts(reading, block);
  reading.order.result(id, block.path);
  const failed = block.boolean("is_error") ?? false;
  reading.items.push({ type: "result", id, parts: withOwnLines(parts), failed });
  if (!reading.order.waiting) takeLater(reading);
}

function* readResultParts(reading: Reading, block: Fields): Steps<Part[]> {
  const value = block.given("content");
  if (value === undefined || typeof value === "string") return textParts(block.string("content") ?? "");
  const parts: Part[] = [];
  for (const part of block.objects("content")) {
    if (endsStep(reading)) yield;
    parts.push(...readPart(part, reading, "result"));
  }
  return parts;
}

/** Every call must have its result by now. */
function endTurn(reading: Reading): void {
  reading.order.endTurn();
  takeLater(reading);
}

/** One by one: there may be more than a call takes as arguments. */
function takeLater(reading: Reading): void {
  for (const item of reading.later) reading.items.push(item);
  reading.later = [];
}

function pushMessage(reading: Reading, role: Role, parts: readonly Part[]): void {
  if (parts.length > 0) reading.items.push({ type: "message", role, parts });
}

function textParts(text: string): TextPart[] {
  return text === "" ? [] : [textPart(text)];
}
