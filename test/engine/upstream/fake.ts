import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Engine } from "../../../src/engine/engine.ts";
import { upstreamEngine, type UpstreamOptions } from "../../../src/engine/upstream/engine.ts";
import type { Batch, GenerationEvent } from "../../../src/model/event.ts";
import { GrammarCheck } from "../../../src/model/event.ts";
import { textPart, type Item } from "../../../src/model/item.ts";
import type { GenerationRequest } from "../../../src/model/request.ts";
import { Transcript } from "../../../src/model/transcript.ts";
import { closeLater } from "../../support/close-later.ts";
import { generationRequest } from "../../support/request.ts";

export interface Asked {
  path: string;
  body: Record<string, unknown>;
  headers: IncomingMessage["headers"];
}

export interface FakeServer {
  /** With `/v1`. */
  url: string;
  origin: string;
  asked: Asked[];
  /** Settles when the n-th request's connection was closed by the other side before the answer ended. */
  gone: Promise<void>;
  close(): Promise<void>;
}

export type Handler = (asked: Asked, response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

/** A faulty or faithful upstream on a free loopback port. */
export async function fakeServer(handler: Handler): Promise<FakeServer> {
  const asked: Asked[] = [];
  let left: () => void = () => {};
  const gone = new Promise<void>((resolve) => (left = resolve));
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      const body = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
      const one = { path: request.url ?? "", body, headers: request.headers };
      asked.push(one);
      void handler(one, response, request);
    });
    response.on("close", () => {
      if (!response.writableFinished) left();
    });
    response.on("error", () => {});
    request.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${origin}/v1`,
    origin,
    asked,
    gone,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Such an upstream and an engine that asks it, until the test is over. */
export async function startEngine(
  handler: Handler,
  options: (server: FakeServer) => Partial<UpstreamOptions>,
): Promise<{ engine: Engine; server: FakeServer }> {
  const server = await fakeServer(handler);
  const engine = upstreamEngine({ url: server.url, ...options(server) });
  closeLater(engine, server);
  return { engine, server };
}

/** A chunk with one delta, as text of an event. */
export function frame(delta: object, finish: string | null = null): string {
  return `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
}

export function usageFrame(prompt: number, completion: number, extra: object = {}): string {
  const usage = { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion, ...extra };
  return `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", choices: [], usage })}\n\n`;
}

export const doneFrame = "data: [DONE]\n\n";

export function sse(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { "content-type": "text/event-stream" });
}

export function user(text: string): Item {
  return { type: "message", role: "user", parts: [textPart(text)] };
}

export function requestOf(over: Partial<GenerationRequest> = {}): GenerationRequest {
  return generationRequest({ createdAt: 1_700_000_000, reasoning: "adaptive", ...over });
}

/** Reads a stream to its end, checks its grammar and folds it. */
export async function fold(
  batches: AsyncIterable<Batch>,
): Promise<{ transcript: Transcript; events: GenerationEvent[] }> {
  const events: GenerationEvent[] = [];
  for await (const batch of batches) events.push(...batch);
  return { transcript: foldEvents(events), events };
}

export function foldEvents(events: readonly GenerationEvent[]): Transcript {
  const check = new GrammarCheck();
  const transcript = new Transcript();
  for (const event of events) check.accept(event);
  check.end();
  transcript.apply(events);
  return transcript;
}

/** Ids that do not change from run to run. */
export function fixedIds(): { hex: (n: number) => string; word: (n: number) => string; now: () => number } {
  return { hex: (n) => "a".repeat(n), word: (n) => "k".repeat(n), now: () => 1_700_000_000_000 };
}

/** A text in pieces of the given lengths, the rest at the end; empty pieces are left out. */
export function pieces(text: string, lengths: readonly number[]): string[] {
  const found: string[] = [];
  let at = 0;
  for (const length of lengths) {
    if (length > 0 && at < text.length) found.push(text.slice(at, at + length));
    at += length;
  }
  if (at < text.length) found.push(text.slice(at));
  return found;
}

/** The same for bytes. */
export function bytePieces(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    if (length > 0 && at < bytes.length) found.push(bytes.subarray(at, at + length));
    at += length;
  }
  if (at < bytes.length) found.push(bytes.subarray(at));
  return found;
}
