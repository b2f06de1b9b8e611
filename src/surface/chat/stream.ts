import type { ParleyError } from "../../model/error.ts";
import type { Batch, GenerationEvent } from "../../model/event.ts";
import type { Transcript } from "../../model/transcript.ts";
import type { ParsedRequest, SseEncoder } from "../surface.ts";
import { Composer } from "./composer.ts";
import { encodeFlags, encodeUsage, finishOf, noFault, reasoningDetail, speaker } from "./encode.ts";
import type { ChatAnswerOptions } from "./parse.ts";
import { PacketShaper } from "./shaper.ts";

export interface StreamOptions {
  /** Whether the stream ends with `data: [DONE]` (spec sheet 10, row 15). */
  done: boolean;
  /** The error as the body of an error answer, for a failure inside the stream. */
  failure(error: ParleyError): unknown;
}

const speakerText = JSON.stringify(speaker).slice(1, -1);
const silentText = `"audio_content":""`;

/**
 * One chat stream (spec sheet 2.2). `data:` lines only. What never changes is serialised once; the last piece of text
 * waits for the finish reason and goes out with it.
 */
export class ChatEncoder implements SseEncoder {
  readonly maxWaitMs: number;
  // fixed at birth
  private readonly parsed: ParsedRequest<ChatAnswerOptions>;
  private readonly options: StreamOptions;
  private readonly prefix: string;
  private readonly shaper: PacketShaper;
  private readonly composer: Composer;
  // changed by events
  private suffix = "";
  private flags = "";
  private out = "";
  private channel: "" | "content" | "reasoning" | "call" = "";
  private call: { id: string; name: string; index: number; started: boolean; said: boolean } | undefined;
  private calls = 0;
  private begun = false;

  constructor(parsed: ParsedRequest<ChatAnswerOptions>, options: StreamOptions) {
    const { request, answerOptions } = parsed;
    this.parsed = parsed;
    this.options = options;
    this.maxWaitMs = answerOptions.packet.longestWait;
    this.prefix = `data: {"id":${quote(request.id)},"choices":[{`;
    this.shaper = new PacketShaper(answerOptions.packet);
    this.composer = new Composer(parsed, {
      content: (text, solid) => {
        this.turnTo("content");
        this.shaper.push(text, solid);
      },
      reasoning: (text) => {
        this.turnTo("reasoning");
        this.shaper.push(text, false);
      },
    });
  }

  get pending(): boolean {
    return this.shaper.pending || this.call?.started === false;
  }

  encode(batch: Batch, transcript: Transcript): string {
    this.look(transcript);
    for (const event of batch) this.one(event, transcript);
    if (this.shaper.pending) this.write(this.shaper.take());
    return this.release();
  }

  flush(transcript: Transcript): string {
    this.look(transcript);
    this.write(this.shaper.wait());
    if (this.call?.started === false) this.write([""]);
    return this.release();
  }

  private one(event: GenerationEvent, transcript: Transcript): void {
    switch (event.type) {
      case "text-delta":
        this.composer.text(event.text);
        return;
      case "reasoning-delta":
        this.composer.reasoning(event.text);
        return;
      case "reasoning-end":
        this.composer.reasoningEnd();
        return;
      case "call-start":
        this.turnTo("call");
        this.call = { id: event.id, name: event.name, index: this.calls++, started: false, said: false };
        return;
      case "call-delta":
        this.shaper.push(event.args, false);
        if (this.call !== undefined && event.args !== "") this.call.said = true;
        return;
      case "call-end":
        if (this.call?.said === false) this.shaper.push("{}", false);
        this.write(this.shaper.drain());
        this.call = undefined;
        return;
      case "finish":
        this.finish(transcript);
        return;
      default:
    }
  }

  /** A delta speaks of one thing: what is held of another goes out first. */
  private turnTo(channel: "content" | "reasoning" | "call"): void {
    if (this.channel === channel) return;
    this.write(this.shaper.drain());
    this.channel = channel;
  }

  private finish(transcript: Transcript): void {
    const reason = finishOf(transcript);
    const held = this.shaper.drain();
    if (typeof reason !== "string") {
      this.write(held);
      this.out += `data: ${quote(this.options.failure(reason))}\n\n`;
      return;
    }
    this.write(held.slice(0, -1));
    if (this.channel !== "reasoning" || held.length === 0) this.channel = "content";
    this.chunk(this.delta(held.at(-1) ?? ""), `"finish_reason":"${reason}",`);
    if (this.parsed.answerOptions.includeUsage) this.usage(transcript);
    if (this.options.done) this.out += "data: [DONE]\n\n";
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
    this.out += `data: ${quote(body)}\n\n`;
  }

  private write(packets: readonly string[]): void {
    for (const packet of packets) this.chunk(this.delta(packet), "");
  }

  private delta(text: string): string {
    const quoted = quote(text);
    if (this.channel === "call") return this.callDelta(quoted);
    if (this.channel === "content") return `"content":${quoted},${speakerText},${silentText}`;
    const details = quote([reasoningDetail(text)]);
    // The live wire's first delta of a split thought has no content member.
    const content = this.begun ? `"content":"",` : "";
    return `${content}${speakerText},${silentText},"reasoning_content":${quoted},"reasoning_details":${details}`;
  }

  /** Id, type and name stand in a call's first delta only: clients concatenate them. */
  private callDelta(args: string): string {
    const { call } = this;
    const index = call?.index ?? 0;
    let body = `{"function":{"arguments":${args}},"index":${index}}`;
    if (call !== undefined && !call.started) {
      call.started = true;
      const named = `"function":{"name":${quote(call.name)},"arguments":${args}}`;
      body = `{"id":${quote(call.id)},"type":"function",${named},"index":${index}}`;
    }
    return `"content":"",${speakerText},"tool_calls":[${body}],${silentText}`;
  }

  private chunk(delta: string, finish: string): void {
    this.begun = true;
    this.out += `${this.prefix}${finish}"index":0,"delta":{${delta}${this.suffix}`;
  }

  /** Moderation may mark the answer on the way; the marks stand at the end of every later chunk. */
  private look(transcript: Transcript): void {
    const flags = `${transcript.inputFlag}/${transcript.outputFlag}`;
    if (flags === this.flags) return;
    const { request } = this.parsed;
    const model = `"created":${request.createdAt},"model":${quote(request.model)},"object":"chat.completion.chunk"`;
    this.flags = flags;
    this.suffix = `}}],${model},"usage":null,${quote(encodeFlags(transcript)).slice(1)}\n\n`;
  }

  private release(): string {
    const { out } = this;
    this.out = "";
    return out;
  }
}

const lineBreaks = /[\u0085\u2028\u2029]/;

/** JSON without the three characters that some line readers take for line ends (spec sheet 13). */
function quote(value: unknown): string {
  const text = JSON.stringify(value);
  if (!lineBreaks.test(text)) return text;
  return text.replace(/[\u0085\u2028\u2029]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
