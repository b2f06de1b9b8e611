import { readFileSync } from "node:fs";
import { createParser } from "eventsource-parser";
import { documentedCards } from "../../../src/model/card.ts";
import { EventBuilder } from "../../../src/model/event-builder.ts";
import { invalid, ParleyError } from "../../../src/model/error.ts";
import type { Batch, FinishReason, GenerationEvent, Usage } from "../../../src/model/event.ts";
import { Transcript } from "../../../src/model/transcript.ts";
import { chatSurface } from "../../../src/surface/chat/index.ts";
import type { ChatAnswerOptions } from "../../../src/surface/chat/parse.ts";
import type { ParsedRequest, ParseContext } from "../../../src/surface/surface.ts";

export const answerId = "066a2a568140d42ba2020cec72d592c0";

export function context(change: Partial<ParseContext> & { headers?: Record<string, string> } = {}): ParseContext {
  const { headers = {}, ...rest } = change;
  return {
    id: answerId,
    createdAt: 1_780_152_150,
    strict: false,
    card: (name) => {
      const card = documentedCards.find((one) => one.id === name);
      if (card === undefined) throw invalid("model", `unknown model '${name}'`);
      return card;
    },
    header: (name) => headers[name],
    ...rest,
  };
}

/** A valid body; `change` replaces or adds fields. */
export function body(change: Record<string, unknown> = {}): Record<string, unknown> {
  return { model: "MiniMax-M3", messages: [{ role: "user", content: "hi" }], ...change };
}

export function parse(
  change: Record<string, unknown> = {},
  around: Parameters<typeof context>[0] = {},
): ParsedRequest<ChatAnswerOptions> {
  return chatSurface().parse(body(change), context(around));
}

/** The error a body meets; fails where it is accepted. */
export function refusal(change: Record<string, unknown>, around: Parameters<typeof context>[0] = {}): ParleyError {
  let parsed: unknown;
  try {
    parsed = parse(change, around);
  } catch (thrown) {
    if (thrown instanceof ParleyError) return thrown;
    throw thrown;
  }
  throw new Error(`accepted: ${JSON.stringify(parsed).slice(0, 300)}`);
}

export interface Spoken {
  reasoning?: string;
  text?: string;
  calls?: { id: string; name: string; args: string }[];
  usage?: Usage;
  finish?: FinishReason;
  error?: ParleyError;
}

/** The events of one plain answer, every text cut into pieces of `piece` characters. */
export function eventsOf(spoken: Spoken, piece = 1_000_000): GenerationEvent[] {
  const out = new EventBuilder();
  for (const part of pieces(spoken.reasoning ?? "", piece)) out.reasoning(part);
  for (const part of pieces(spoken.text ?? "", piece)) out.text(part);
  for (const call of spoken.calls ?? []) {
    out.callStart(call.id, call.name);
    for (const part of pieces(call.args, piece)) out.callDelta(part);
    out.close();
  }
  if (spoken.usage !== undefined) out.usage(spoken.usage);
  out.finish(spoken.finish ?? "stop", spoken.error);
  return out.take();
}

export function pieces(text: string, size: number): string[] {
  const all: string[] = [];
  for (let at = 0; at < text.length; at += size) all.push(text.slice(at, at + size));
  return all;
}

export function fold(batches: readonly Batch[]): Transcript {
  const transcript = new Transcript();
  for (const batch of batches) transcript.apply(batch);
  return transcript;
}

/** Runs the stream encoder over batches; `flushEvery` calls `flush` after that many batches. */
export function stream(
  parsed: ParsedRequest<ChatAnswerOptions>,
  batches: readonly Batch[],
  options: { surface?: ReturnType<typeof chatSurface>; flushEvery?: number } = {},
): string {
  const encoder = (options.surface ?? chatSurface()).sse(parsed);
  const transcript = new Transcript();
  let out = "";
  for (const [index, batch] of batches.entries()) {
    transcript.apply(batch);
    out += encoder.encode(batch, transcript);
    if (options.flushEvery !== undefined && index % options.flushEvery === 0 && encoder.pending) {
      out += encoder.flush(transcript);
    }
  }
  return out;
}

export interface Delta {
  content?: string;
  reasoning_content?: string;
  reasoning_details?: { text: string; index: number }[];
  tool_calls?: { id?: string; type?: string; index: number; function: { name?: string; arguments: string } }[];
}
export interface Chunk {
  id: string;
  object: string;
  choices: { finish_reason?: string; index: number; delta: Delta }[];
  usage: { total_tokens: number } | null;
  base_resp?: unknown;
}

/** The data of every event of a stream, in order; `[DONE]` stays text. */
export function read(wire: string): { chunks: Chunk[]; done: boolean } {
  const chunks: Chunk[] = [];
  let done = false;
  const parser = createParser({
    onEvent: ({ data, event }) => {
      if (event !== undefined) throw new Error(`named event ${event}`);
      if (data === "[DONE]") done = true;
      else chunks.push(JSON.parse(data) as Chunk);
    },
    onError: (error) => {
      throw error;
    },
  });
  parser.feed(wire);
  return { chunks, done };
}

/** What a plain OpenAI client gathers from a stream. */
export function gather(wire: string): {
  content: string;
  reasoning: string;
  details: string;
  calls: { id: string; name: string; arguments: string }[];
  finish: string | undefined;
  usage: unknown;
} {
  const got = {
    content: "",
    reasoning: "",
    details: "",
    finish: undefined as string | undefined,
    usage: null as unknown,
  };
  const calls: { id: string; name: string; arguments: string }[] = [];
  for (const chunk of read(wire).chunks) {
    if (chunk.usage !== null) got.usage = chunk.usage;
    const choice = chunk.choices[0];
    if (choice === undefined) continue;
    got.content += choice.delta.content ?? "";
    got.reasoning += choice.delta.reasoning_content ?? "";
    for (const detail of choice.delta.reasoning_details ?? []) got.details += detail.text;
    for (const piece of choice.delta.tool_calls ?? []) {
      const call = (calls[piece.index] ??= { id: "", name: "", arguments: "" });
      call.id += piece.id ?? "";
      call.name += piece.function.name ?? "";
      call.arguments += piece.function.arguments;
    }
    got.finish = choice.finish_reason ?? got.finish;
  }
  return { ...got, calls };
}

export function fixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../fixture/chat/${name}`, import.meta.url), "utf8"));
}
