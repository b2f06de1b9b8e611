import type { Batch, GenerationEvent } from "../../model/event.ts";
import type { Transcript } from "../../model/transcript.ts";
import { lineJson, stopReasonOf } from "../shared/answer.ts";
import { ChunkCoalescer } from "../shared/chunk-coalescer.ts";
import type { SseEncoder } from "../surface.ts";
import { encodeDropped, encodeEnding, encodeUsage, shownText, signatureOf, type Parsed } from "./encode.ts";
import { messagesError } from "./error.ts";
import type { Signer } from "./signature.ts";

const pingEvent = eventText({ type: "ping" });

function eventText<Event extends { type: string }>(event: Event): string {
  return `event: ${event.type}\ndata: ${lineJson(event)}\n\n`;
}

/** The block that is written; `held` is white space that is shown only when more follows it. */
interface OpenBlock {
  kind: "text" | "thinking" | "tool_use";
  started: boolean;
  held: string;
}

/**
 * One stream of named events (MiniMax API docs, Anthropic-compatible messages, 2026-11): `message_start`, `ping`, the blocks,
 * `message_delta`, `message_stop`. There is no `[DONE]`.
 */
export class MessagesEncoder implements SseEncoder {
  readonly maxWaitMs: number;
  readonly heartbeat = pingEvent;
  // fixed at birth
  private readonly parsed: Parsed;
  private readonly signer: Signer;
  private readonly coalescer: ChunkCoalescer;
  // changed by events
  /** Text that is written and not yet returned by `encode` or `flush`. */
  private out = "";
  /** `message_start` was written. */
  private started = false;
  /** Set from the start of an item to its end. */
  private block: OpenBlock | undefined;
  /** The index of the block that is open, or of the next one. */
  private index = 0;

  constructor(parsed: Parsed, signer: Signer) {
    this.parsed = parsed;
    this.signer = signer;
    this.maxWaitMs = parsed.answerOptions.chunkSize.maxWaitMs;
    this.coalescer = new ChunkCoalescer(parsed.answerOptions.chunkSize);
  }

  get pending(): boolean {
    return this.coalescer.pending;
  }

  encode(batch: Batch, transcript: Transcript): string {
    for (const event of batch) this.accept(event, transcript);
    if (this.coalescer.pending) this.write(this.coalescer.take());
    return this.release();
  }

  flush(): string {
    this.write(this.coalescer.wait());
    return this.release();
  }

  private accept(event: GenerationEvent, transcript: Transcript): void {
    switch (event.type) {
      case "begin":
        // an answer that fails before its first item has no other event than the error
        if (transcript.finish?.error === undefined || transcript.items.length > 0) this.begin(transcript);
        return;
      case "text-start":
        this.block = { kind: "text", started: false, held: "" };
        return;
      case "reasoning-start":
        this.block = { kind: "thinking", started: false, held: "" };
        return;
      case "text-delta":
        this.text(event.text, transcript, event.index);
        return;
      case "reasoning-delta":
        this.thinking(event.text);
        return;
      case "call-start":
        this.block = { kind: "tool_use", started: false, held: "" };
        this.startBlock({ type: "tool_use", id: event.id, name: event.name, input: {} });
        return;
      case "call-delta":
        this.coalescer.push(event.args, false);
        return;
      case "text-end":
      case "reasoning-end":
      case "call-end":
        this.endBlock(transcript, event.index);
        return;
      case "finish":
        this.finish(transcript);
        return;
      default:
    }
  }

  private begin(transcript: Transcript): void {
    const { request, answerOptions } = this.parsed;
    this.started = true;
    const message = {
      id: request.id,
      type: "message",
      role: "assistant",
      model: request.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { ...encodeUsage(transcript, this.parsed), output_tokens: 0, service_tier: answerOptions.tier },
      ...encodeDropped(this.parsed),
    };
    this.event({ type: "message_start", message });
    this.out += pingEvent;
  }

  private text(text: string, { items }: Transcript, item: number): void {
    const { block } = this;
    if (block === undefined) return;
    if (block.started) return this.coalescer.push(text, false);
    block.held += text;
    if (block.held.trim() === "") return;
    this.startBlock({ type: "text", text: "" });
    this.coalescer.push(shownText(block.held, items[item - 1]), false);
    block.held = "";
  }

  /** White space at both ends is left out. */
  private thinking(text: string): void {
    const { block } = this;
    const { request, answerOptions } = this.parsed;
    if (block === undefined || request.reasoning === "off") return;
    const shown = block.started ? text : text.trimStart();
    const kept = shown.trimEnd();
    if (kept === "") {
      if (block.started) block.held += shown;
      return;
    }
    if (!block.started) this.startBlock({ type: "thinking", thinking: "" });
    if (!answerOptions.omitsThinking) this.coalescer.push(block.held + kept, false);
    block.held = shown.slice(kept.length);
  }

  private startBlock(block: object): void {
    if (this.block !== undefined) this.block.started = true;
    this.event({ type: "content_block_start", index: this.index, content_block: block });
  }

  private endBlock({ items }: Transcript, item: number): void {
    const { block } = this;
    if (block?.started === true) {
      this.write(this.coalescer.drain());
      const { text = "", args = "" } = { ...items[item] } as { text?: string; args?: string };
      if (block.kind === "thinking") {
        this.delta({ type: "signature_delta", signature: signatureOf(text.trim(), this.parsed, this.signer) });
      }
      if (block.kind === "tool_use" && args === "") this.delta({ type: "input_json_delta", partial_json: "{}" });
      this.event({ type: "content_block_stop", index: this.index });
      this.index += 1;
    }
    this.block = undefined;
  }

  private finish(transcript: Transcript): void {
    const reason = stopReasonOf(transcript);
    if (typeof reason !== "string") {
      this.event(messagesError(reason, this.parsed.request.id).body);
      return;
    }
    if (!this.started) this.begin(transcript);
    const usage = encodeUsage(transcript, this.parsed);
    this.event({ type: "message_delta", delta: encodeEnding(reason, transcript), usage });
    this.event({ type: "message_stop" });
  }

  /** Pieces of the open block. */
  private write(pieces: readonly string[]): void {
    for (const piece of pieces) {
      if (this.block?.kind === "thinking") this.delta({ type: "thinking_delta", thinking: piece });
      else if (this.block?.kind === "tool_use") this.delta({ type: "input_json_delta", partial_json: piece });
      else this.delta({ type: "text_delta", text: piece });
    }
  }

  private delta(delta: object): void {
    this.event({ type: "content_block_delta", index: this.index, delta });
  }

  private event<Event extends { type: string }>(event: Event): void {
    this.out += eventText(event);
  }

  private release(): string {
    const { out } = this;
    this.out = "";
    return out;
  }
}
