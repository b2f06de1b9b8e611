import type { Batch, GenerationEvent } from "../../model/event.ts";
import type { Transcript } from "../../model/transcript.ts";
import { doneEvent, lineJson, stopReasonOf } from "../shared/answer.ts";
import type { ParsedRequest, SseEncoder } from "../surface.ts";
import { ChunkCoalescer } from "../shared/chunk-coalescer.ts";
import { chatError, encodeFlags, encodeUsage, finishNames, noFault, reasoningDetail, assistant } from "./encode.ts";
import type { ChatAnswerOptions } from "./parse.ts";
import { ReasoningLayout } from "./reasoning-layout.ts";

const assistantText = JSON.stringify(assistant).slice(1, -1);
const noAudioText = `"audio_content":""`;

/**
 * One chat stream (MiniMax API docs, OpenAI-compatible chat, 2026-11). `data:` lines only. What never changes is turned to
 * JSON once; the last piece of text waits for the finish reason and goes out with it.
 */
export class ChatEncoder implements SseEncoder {
  readonly maxWaitMs: number;
  // fixed at birth
  private readonly parsed: ParsedRequest<ChatAnswerOptions>;
  private readonly done: boolean;
  private readonly prefix: string;
  private readonly coalescer: ChunkCoalescer;
  private readonly layout: ReasoningLayout;
  // changed by events
  /** What follows the delta in every chunk; made anew by `markModeration`. */
  private suffix = "";
  /** The moderation flags that `suffix` shows. */
  private flags = "";
  /** Text that is written and not yet returned by `encode` or `flush`. */
  private out = "";
  /** What the held text belongs to; set by `turnTo`. */
  private channel: "" | "content" | "reasoning" | "call" = "";
  /** The call that is open; `started` once its id and name were written, `hasArgs` once it has arguments. */
  private call: { id: string; name: string; index: number; started: boolean; hasArgs: boolean } | undefined;
  /** Calls so far. */
  private calls = 0;
  /** A chunk was written. */
  private started = false;

  /** `done`: the stream ends with `data: [DONE]`, as OpenAI's clients expect and the vendor's live wire does not. */
  constructor(parsed: ParsedRequest<ChatAnswerOptions>, done: boolean) {
    const { request, answerOptions } = parsed;
    this.parsed = parsed;
    this.done = done;
    this.maxWaitMs = answerOptions.chunkSize.maxWaitMs;
    this.prefix = `data: {"id":${lineJson(request.id)},"choices":[{`;
    this.coalescer = new ChunkCoalescer(answerOptions.chunkSize);
    this.layout = new ReasoningLayout(parsed, {
      content: (text, atomic) => {
        this.turnTo("content");
        this.coalescer.push(text, atomic);
      },
      reasoning: (text) => {
        this.turnTo("reasoning");
        this.coalescer.push(text, false);
      },
    });
  }

  get pending(): boolean {
    return this.coalescer.pending || this.call?.started === false;
  }

  encode(batch: Batch, transcript: Transcript): string {
    this.markModeration(transcript);
    for (const event of batch) this.accept(event, transcript);
    if (this.coalescer.pending) this.write(this.coalescer.take());
    return this.release();
  }

  flush(transcript: Transcript): string {
    this.markModeration(transcript);
    this.write(this.coalescer.wait());
    if (this.call?.started === false) this.write([""]);
    return this.release();
  }

  private accept(event: GenerationEvent, transcript: Transcript): void {
    switch (event.type) {
      case "text-delta":
        this.layout.text(event.text);
        return;
      case "reasoning-delta":
        this.layout.reasoning(event.text);
        return;
      case "reasoning-end":
        this.layout.reasoningEnd();
        return;
      case "call-start":
        this.turnTo("call");
        this.call = { id: event.id, name: event.name, index: this.calls++, started: false, hasArgs: false };
        return;
      case "call-delta":
        this.coalescer.push(event.args, false);
        if (this.call !== undefined && event.args !== "") this.call.hasArgs = true;
        return;
      case "call-end":
        if (this.call?.hasArgs === false) this.coalescer.push("{}", false);
        this.write(this.coalescer.drain());
        this.call = undefined;
        return;
      case "finish":
        this.finish(transcript);
        return;
      default:
    }
  }

  /** A delta holds one thing: what is held of another goes out first. */
  private turnTo(channel: "content" | "reasoning" | "call"): void {
    if (this.channel === channel) return;
    this.write(this.coalescer.drain());
    this.channel = channel;
  }

  private finish(transcript: Transcript): void {
    const reason = stopReasonOf(transcript);
    const held = this.coalescer.drain();
    if (typeof reason !== "string") {
      this.write(held);
      this.out += `data: ${lineJson(chatError(reason, this.parsed.request.id).body)}\n\n`;
      return;
    }
    this.write(held.slice(0, -1));
    if (this.channel !== "reasoning" || held.length === 0) this.channel = "content";
    this.chunk(this.delta(held.at(-1) ?? ""), `"finish_reason":"${finishNames[reason]}",`);
    if (this.parsed.answerOptions.includeUsage) this.usage(transcript);
    if (this.done) this.out += doneEvent;
  }

  private usage(transcript: Transcript): void {
    const { request, answerOptions } = this.parsed;
    const body = {
      id: request.id,
      choices: [],
      created: request.createdAt,
      model: request.model,
      object: "chat.completion.chunk",
      usage: encodeUsage(transcript.usage, answerOptions.card),
      base_resp: noFault,
    };
    this.out += `data: ${lineJson(body)}\n\n`;
  }

  private write(pieces: readonly string[]): void {
    for (const piece of pieces) this.chunk(this.delta(piece), "");
  }

  private delta(text: string): string {
    const quoted = lineJson(text);
    if (this.channel === "call") return this.callDelta(quoted);
    if (this.channel === "content") return `"content":${quoted},${assistantText},${noAudioText}`;
    const details = lineJson([reasoningDetail(text)]);
    // The live wire's first delta of split reasoning has no content member.
    const content = this.started ? `"content":"",` : "";
    return `${content}${assistantText},${noAudioText},"reasoning_content":${quoted},"reasoning_details":${details}`;
  }

  /** Id, type and name stand in the first delta of a call only: clients concatenate them. */
  private callDelta(args: string): string {
    const { call } = this;
    const index = call?.index ?? 0;
    let body = `{"function":{"arguments":${args}},"index":${index}}`;
    if (call !== undefined && !call.started) {
      call.started = true;
      const named = `"function":{"name":${lineJson(call.name)},"arguments":${args}}`;
      body = `{"id":${lineJson(call.id)},"type":"function",${named},"index":${index}}`;
    }
    return `"content":"",${assistantText},"tool_calls":[${body}],${noAudioText}`;
  }

  private chunk(delta: string, finish: string): void {
    this.started = true;
    this.out += `${this.prefix}${finish}"index":0,"delta":{${delta}${this.suffix}`;
  }

  /** Moderation may mark the answer on the way; the marks stand at the end of every later chunk. */
  private markModeration(transcript: Transcript): void {
    const flags = `${transcript.inputFlag}/${transcript.outputFlag}`;
    if (flags === this.flags) return;
    const { request } = this.parsed;
    const model = `"created":${request.createdAt},"model":${lineJson(request.model)},"object":"chat.completion.chunk"`;
    this.flags = flags;
    this.suffix = `}}],${model},"usage":null,${lineJson(encodeFlags(transcript)).slice(1)}\n\n`;
  }

  private release(): string {
    const { out } = this;
    this.out = "";
    return out;
  }
}
