import { createParser } from "eventsource-parser";
import { createHash } from "node:crypto";
import { textCipher } from "../../../src/lib/cipher.ts";
import { ParleyError } from "../../../src/model/error.ts";
import type { Batch } from "../../../src/model/event.ts";
import { Transcript } from "../../../src/model/transcript.ts";
import { messagesSurface, type MessagesAnswerOptions } from "../../../src/surface/messages/index.ts";
import type { ParsedRequest } from "../../../src/surface/surface.ts";
import { context } from "../chat/support.ts";

export const cipher = textCipher("a secret of the tests");

export function sign(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export const surface = messagesSurface({ sign, cipher });

/** A valid body; `change` replaces or adds fields. */
export function body(change: Record<string, unknown> = {}): Record<string, unknown> {
  return { model: "MiniMax-M3", messages: [{ role: "user", content: "hi" }], ...change };
}

export type Parsed = ParsedRequest<MessagesAnswerOptions>;

export function parse(change: Record<string, unknown> = {}, around: Parameters<typeof context>[0] = {}): Parsed {
  return surface.parse(body(change), context(around));
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

/** Runs the stream encoder over batches; `flushEvery` calls `flush` after that many batches. */
export function stream(parsed: Parsed, batches: readonly Batch[], flushEvery?: number): string {
  const encoder = surface.sse(parsed);
  const transcript = new Transcript();
  let out = "";
  for (const [index, batch] of batches.entries()) {
    transcript.apply(batch);
    out += encoder.encode(batch, transcript);
    if (flushEvery !== undefined && index % flushEvery === 0 && encoder.pending) out += encoder.flush(transcript);
  }
  return out;
}

export interface WireEvent {
  type: string;
  index?: number;
  message?: Record<string, unknown>;
  content_block?: Record<string, unknown>;
  delta?: Record<string, unknown>;
  usage?: Record<string, unknown>;
  error?: Record<string, unknown>;
}

/** The events of a stream; fails where a name is not the type of its data. */
export function read(wire: string): WireEvent[] {
  const events: WireEvent[] = [];
  const parser = createParser({
    onEvent: ({ data, event }) => {
      const found = JSON.parse(data) as WireEvent;
      if (found.type !== event) throw new Error(`event ${event} holds ${found.type}`);
      events.push(found);
    },
    onError: (error) => {
      throw error;
    },
  });
  parser.feed(wire);
  return events;
}

/** The message that a stream adds up to, in the key order of a body. Checks the order of the events on the way. */
export function gather(wire: string): Record<string, unknown> {
  const [start, ping, ...rest] = read(wire);
  if (start?.type !== "message_start" || ping?.type !== "ping") throw new Error("no message_start and ping");
  const content: Record<string, unknown>[] = [];
  let json = "";
  let end: WireEvent | undefined;
  for (const event of rest) {
    const block = content[event.index ?? -1];
    const delta = event.delta ?? {};
    if (event.type === "content_block_start") {
      if (event.index !== content.length) throw new Error(`block ${event.index} after ${content.length}`);
      content.push({ ...event.content_block });
      json = "";
    } else if (event.type === "content_block_delta" && block !== undefined) {
      if ("text" in delta) block["text"] = String(block["text"]) + String(delta["text"]);
      if ("thinking" in delta) block["thinking"] = String(block["thinking"]) + String(delta["thinking"]);
      if ("signature" in delta) block["signature"] = delta["signature"];
      if ("partial_json" in delta) json += String(delta["partial_json"]);
    } else if (event.type === "content_block_stop" && block !== undefined) {
      if (block["type"] === "tool_use") block["input"] = parsedInput(json);
    } else if (event.type === "message_delta") end = event;
  }
  const { content: _none, usage: _counts, stop_reason: _reason, stop_sequence: _text, ...head } = start.message ?? {};
  return { ...head, content, usage: end?.usage, ...end?.delta };
}

/** As the encoder of bodies reads arguments that may be truncated. */
function parsedInput(json: string): unknown {
  try {
    const input: unknown = JSON.parse(json);
    return typeof input === "object" && input !== null && !Array.isArray(input) ? input : {};
  } catch {
    return {};
  }
}
