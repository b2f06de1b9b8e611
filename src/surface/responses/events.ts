import type { Batch, GenerationEvent } from "../../model/event.ts";
import type { JsonObject } from "../../model/json.ts";
import type { ResponseEvent } from "../../model/response.ts";
import type { AnswerItem } from "../../model/transcript.ts";
import type { Transcript } from "../../model/transcript.ts";
import type { BodySource } from "./body.ts";
import { CustomInput, customInput } from "./custom-input.ts";
import { EventFrame } from "./event-frame.ts";
import type { EventSequence } from "./event-sequence.ts";
import type { ItemStatus, Output } from "./output.ts";
import { followsReasoning, itemAt, shownItem, withoutLeadingNewlines, statusOf } from "./output.ts";

type DeltaEvent = Extract<GenerationEvent, { type: "text-delta" | "reasoning-delta" | "call-delta" }>;

/**
 * Batches in, events out: one encoder for server-sent events, WebSocket messages and stored replay. One answer needs
 * one. Deltas of a batch that belong to one item become one event. An item is closed by what comes after it, because
 * only then is known whether it was truncated.
 */
export class ResponseEvents {
  // fixed at birth
  private readonly output: Output;
  private readonly frame: EventFrame;
  private readonly sequence: EventSequence;
  /** Items that come before the model's own. */
  private readonly searchItems: number;
  // changed by events
  /** Index of the item that is open, or -1; set by item starts and ends. */
  private open = -1;
  /** The deltas of the open item that the current batch brought so far. */
  private delta = "";
  /** Reads the input of the open call where its tool is a custom one. */
  private custom: CustomInput | undefined;
  /** Whether the open item has text, so that further newlines belong to it. */
  private hasText = true;

  constructor(source: BodySource & { output: Output }) {
    this.output = source.output;
    this.frame = new EventFrame(source);
    this.sequence = this.frame.sequence;
    this.searchItems = source.output.search().length;
  }

  /** Events of a background response before an engine took it up: created and queued. */
  queued(): ResponseEvent[] {
    this.frame.queued();
    return this.sequence.take();
  }

  /** The events of a batch; the transcript has already seen it. */
  accept(batch: Batch, transcript: Transcript): ResponseEvent[] {
    for (const event of batch) this.one(event, transcript);
    this.flushDelta(transcript);
    return this.sequence.take();
  }

  private one(event: GenerationEvent, transcript: Transcript): void {
    switch (event.type) {
      case "begin":
        return this.frame.begin();
      case "text-start":
      case "reasoning-start":
      case "call-start":
        this.close(transcript, "completed");
        return this.start(event.index, transcript);
      case "text-delta":
      case "reasoning-delta":
      case "call-delta":
        return this.grow(event);
      case "finish":
        this.close(transcript, statusOf(transcript, transcript.items.length - 1));
        return this.frame.end(transcript);
      default:
    }
  }

  private start(index: number, transcript: Transcript): void {
    const item = itemAt(transcript, index);
    this.open = index;
    this.hasText = item.type !== "text" || !followsReasoning(transcript, index);
    if (index === 0) this.announceSearch();
    const opening = this.output.opening(item, index);
    this.sequence.add("response.output_item.added", { output_index: this.searchItems + index, item: opening });
    if (item.type === "call") {
      this.custom = this.output.formOf(item.name).kind === "custom" ? new CustomInput() : undefined;
      return;
    }
    const { partEvent, part } = this.output.partForm(item);
    this.sequence.add(`${partEvent}.added`, { ...this.place(item), part: part("") });
  }

  private announceSearch(): void {
    for (const [output_index, item] of this.output.search().entries()) {
      this.sequence.add("response.output_item.added", { output_index, item });
      this.sequence.add("response.output_item.done", { output_index, item });
    }
  }

  private grow(event: DeltaEvent): void {
    this.delta += event.type === "call-delta" ? event.args : event.text;
  }

  private flushDelta(transcript: Transcript): void {
    if (this.delta === "" || this.open < 0) return;
    const item = itemAt(transcript, this.open);
    const shown = this.hasText ? this.delta : withoutLeadingNewlines(this.delta);
    this.delta = "";
    this.hasText ||= shown !== "";
    const delta = this.custom === undefined ? shown : this.custom.feed(shown);
    const type = this.deltaType(item);
    if (type === undefined || delta === "") return;
    const extra = item.type === "call" ? {} : this.output.partForm(item).extra;
    this.sequence.add(`${type}.delta`, { ...this.place(item), delta, ...extra });
  }

  /** What the delta and done events of an item are called; calls of shell-like tools have none. */
  private deltaType(item: AnswerItem): string | undefined {
    if (item.type !== "call") return this.output.partForm(item).textEvent;
    const { kind } = this.output.formOf(item.name);
    if (kind === "function") return "response.function_call_arguments";
    return kind === "custom" ? "response.custom_tool_call_input" : undefined;
  }

  private close(transcript: Transcript, status: ItemStatus): void {
    if (this.open < 0) return;
    this.flushDelta(transcript);
    const index = this.open;
    const item = shownItem(transcript, index);
    const done = this.output.item(item, index, status);
    if (item.type === "call") this.closeCall(item, done);
    else {
      const { text } = item;
      const { textEvent, partEvent, extra, part } = this.output.partForm(item);
      this.sequence.add(`${textEvent}.done`, { ...this.place(item), text, ...extra });
      this.sequence.add(`${partEvent}.done`, { ...this.place(item), part: part(text) });
    }
    this.sequence.add("response.output_item.done", { output_index: this.searchItems + index, item: done });
    this.open = -1;
    this.custom = undefined;
  }

  private closeCall(item: Extract<AnswerItem, { type: "call" }>, done: JsonObject): void {
    const type = this.deltaType(item);
    if (type === undefined) return;
    const { name } = done;
    if (this.custom === undefined) {
      return this.sequence.add(`${type}.done`, { ...this.place(item), name, arguments: done["arguments"] });
    }
    const input = customInput(item.args);
    const rest = this.custom.rest(input);
    if (rest !== "") this.sequence.add(`${type}.delta`, { ...this.place(item), delta: rest });
    this.sequence.add(`${type}.done`, { ...this.place(item), input });
  }

  /** Where the open item stands; messages and reasoning have one part. */
  private place(item: AnswerItem): JsonObject {
    const at = { item_id: this.output.idOf(item, this.open), output_index: this.searchItems + this.open };
    return item.type === "call" ? at : { ...at, [this.output.partForm(item).index]: 0 };
  }
}
