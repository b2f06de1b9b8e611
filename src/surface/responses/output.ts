import type { Item } from "../../model/item.ts";
import { textPart } from "../../model/item.ts";
import type { JsonObject } from "../../model/json.ts";
import { parseJson } from "../../model/json.ts";
import type { AnswerItem, Transcript } from "../../model/transcript.ts";
import { callFields, itemTypes } from "./call.ts";
import type { TextCipher } from "../../lib/cipher.ts";
import { encryptText } from "../shared/encrypted-text.ts";
import type { ToolForm, ToolForms } from "./answer-options.ts";
import { messageForm, reasoningForm, summaryForm, type PartForm } from "./part-form.ts";

export type ItemStatus = "in_progress" | "completed" | "incomplete";
type AnswerCall = Extract<AnswerItem, { type: "call" }>;
type AnswerText = Exclude<AnswerItem, AnswerCall>;

/** What an item's id ends with (MiniMax API docs, create response, 2026-11: `<id>_msg`, `<id>_rs`, `<id>_fc_<index>`). */
const endings: Readonly<Record<AnswerItem["type"], string>> = { text: "msg", reasoning: "rs", call: "fc" };

export interface OutputOptions {
  id: string;
  forms: ToolForms;
  /** Given: reasoning items carry `encrypted_content`. */
  cipher: TextCipher | undefined;
  /** Reasoning is shown as a summary. */
  summarizeReasoning: boolean;
  /** Deferred tools that a search by this server has found; the answer says so before its first item. */
  searched: readonly JsonObject[];
}

/** Builds the output items of one answer. It remembers ids and encrypted texts: the same item always looks the same. */
export class Output {
  // fixed at birth
  private readonly options: OutputOptions;
  // changed by events
  private readonly ids: string[] = [];
  private readonly counts = { text: 0, reasoning: 0, call: 0 };
  private readonly encrypted = new Map<number, string>();

  constructor(options: OutputOptions) {
    this.options = options;
  }

  /** Every item so far, with the status it has at this point of the answer. */
  items(transcript: Transcript): JsonObject[] {
    const items = transcript.items.map((_, index) =>
      this.item(shownItem(transcript, index), index, statusOf(transcript, index)),
    );
    return items.length === 0 ? [] : [...this.search(), ...items];
  }

  /** The call and the output of the search that comes before the model's items, where there is one. */
  search(): (JsonObject & { id: string })[] {
    const { id, searched } = this.options;
    if (searched.length === 0) return [];
    const common = { call_id: null, execution: "server", status: "completed" };
    const paths = searched.map((tool) => tool["name"] ?? "");
    return [
      { id: `${id}_ts`, type: "tool_search_call", ...common, arguments: { paths } },
      { id: `${id}_tso`, type: "tool_search_output", ...common, tools: [...searched] },
    ];
  }

  /** All answer text as callers see it. */
  text(transcript: Transcript): string {
    const items = transcript.items.map((_, index) => shownItem(transcript, index));
    return items.map((item) => (item.type === "text" ? item.text : "")).join("");
  }

  /** One item with all it holds. */
  item(item: AnswerItem, index: number, status: ItemStatus): JsonObject {
    const id = this.idOf(item, index);
    // A model that wrote no arguments at all has called with none.
    if (item.type === "call") return this.call(item.args === "" ? { ...item, args: "{}" } : item, id, status);
    const shown = this.partsItem(item, id, { status, parts: [this.partForm(item).part(item.text)] });
    return item.type === "text" ? shown : { ...shown, ...this.encryptedContent(item.text, index) };
  }

  /** The item as it is announced, before any of its content. */
  opening(item: AnswerItem, index: number): JsonObject {
    const id = this.idOf(item, index);
    const status = "in_progress";
    if (item.type === "call") return this.call({ ...item, args: "" }, id, status);
    return this.partsItem(item, id, { status, parts: [] });
  }

  /** Ids are given in the order of the items; `index` must have been seen or be the next one. */
  idOf(item: AnswerItem, index: number): string {
    const known = this.ids[index];
    if (known !== undefined) return known;
    const count = this.counts[item.type]++;
    const suffix = item.type !== "call" && count === 0 ? "" : `_${count}`;
    const id = `${this.options.id}_${endings[item.type]}${suffix}`;
    this.ids[index] = id;
    return id;
  }

  /** How a call goes back to the caller; tools that were never declared are called as plain functions. */
  formOf(name: string): ToolForm {
    return this.options.forms.get(name) ?? { kind: "function", name };
  }

  /** How the text of an item stands on the wire. */
  partForm({ type }: AnswerText): PartForm {
    if (type === "text") return messageForm;
    return this.options.summarizeReasoning ? summaryForm : reasoningForm;
  }

  /** A message or reasoning with the given parts; reasoning always has a `summary`. */
  private partsItem(item: AnswerText, id: string, { status, parts }: { status: ItemStatus; parts: JsonObject[] }) {
    const { field } = this.partForm(item);
    if (item.type === "text") return { id, type: "message", status, role: "assistant", [field]: parts };
    return { id, type: "reasoning", status, summary: [], [field]: parts };
  }

  private call(item: AnswerCall, id: string, status: ItemStatus): JsonObject {
    const form = this.formOf(item.name);
    return { id, type: itemTypes[form.kind], status, ...callFields(form, { callId: item.id, ...item }) };
  }

  private encryptedContent(text: string, index: number): JsonObject {
    const { cipher } = this.options;
    if (cipher === undefined) return {};
    const encrypted = this.encrypted.get(index) ?? encryptText(cipher, "reasoning", text);
    this.encrypted.set(index, encrypted);
    return { encrypted_content: encrypted };
  }
}

const leadingNewlines = /^[\r\n]+/;

/** The item as the engine sent it. */
export function itemAt(transcript: Transcript, index: number): AnswerItem {
  const item = transcript.items[index];
  if (item === undefined) throw new Error(`no item ${index} in the transcript`);
  return item;
}

/** An item as callers see it: the newlines that models put between reasoning and answer are not part of the answer. */
export function shownItem(transcript: Transcript, index: number): AnswerItem {
  const item = itemAt(transcript, index);
  return item.type === "text" && followsReasoning(transcript, index)
    ? { ...item, text: withoutLeadingNewlines(item.text) }
    : item;
}

export function followsReasoning(transcript: Transcript, index: number): boolean {
  return transcript.items[index - 1]?.type === "reasoning";
}

export function withoutLeadingNewlines(text: string): string {
  return text.replace(leadingNewlines, "");
}

/** An answer that was truncated leaves its last item incomplete. */
export function statusOf(transcript: Transcript, index: number): ItemStatus {
  const { finish, items } = transcript;
  if (finish === undefined) return index === items.length - 1 ? "in_progress" : "completed";
  const whole = finish.reason === "stop" || finish.reason === "calls" || index < items.length - 1;
  return whole ? "completed" : "incomplete";
}

/**
 * The answer as history keeps it: exactly one item for each output item. A last call that was truncated before its arguments
 * were whole is kept as text: as a call, no one could answer it.
 */
export function answerItems(transcript: Transcript): Item[] {
  return transcript.items.map((item, index): Item => {
    if (item.type === "text") return assistantMessage(item.text);
    if (item.type === "reasoning") return { type: "reasoning", text: item.text };
    const args = item.args === "" ? "{}" : item.args;
    const truncated = statusOf(transcript, index) !== "completed" && parseJson(item.args) === undefined;
    return truncated
      ? assistantMessage(`(A call of ${item.name} was cut short.)`)
      : { type: "call", id: item.id, name: item.name, args };
  });
}

function assistantMessage(text: string): Item {
  return { type: "message", role: "assistant", parts: [textPart(text)] };
}
