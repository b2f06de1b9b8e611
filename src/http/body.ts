import type { IncomingMessage } from "node:http";
import { nestsDeeper } from "../lib/json-scanner/depth.ts";
import { ParleyError, invalid } from "../model/error.ts";

/** Deeper JSON than this is refused: no real request needs it, and recursive readers must not meet it. */
const maxDepth = 256;
/** How long an over-long body is read on, so that the client can read the answer (MiniMax-Provider-Verifier, 2026-06: exact statuses). */
const drainMs = 10_000;
/** How long a body may take; the server as a whole waits longer, for uploaded files. */
const bodyMs = 120_000;

/**
 * Reads a JSON body: bytes, then UTF-8, then JSON. A body over `limit` bytes is read to its end (bounded in time) before
 * it is refused. Throws `ParleyError` of kind `too-large` or `invalid`.
 */
export async function readJson(stream: IncomingMessage, limit: number): Promise<unknown> {
  const encoding = stream.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") throw invalid("content-encoding", "is not supported; send the body as it is");
  const bytes = await readBytes(stream, limit);
  if (bytes.length === 0) throw invalid("body", "is empty; a JSON object is required");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid("body", "is not valid UTF-8");
  }
  return readText(text, "body");
}

/** Reads JSON that others wrote; `name` stands for it in errors. Throws `ParleyError` of kind `invalid`. */
export function readText(text: string, name: string): unknown {
  if (nestsDeeper(text, maxDepth)) throw invalid(name, `is nested deeper than ${maxDepth} levels`);
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(name, "is not valid JSON");
  }
}

async function readBytes(stream: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  let deadline = Infinity;
  for await (const chunk of arriving(stream)) {
    size += chunk.length;
    if (size <= limit) {
      chunks.push(chunk);
      continue;
    }
    if (deadline === Infinity) {
      deadline = performance.now() + drainMs;
      chunks.length = 0;
    }
    if (performance.now() > deadline) break;
  }
  if (size > limit) throw new ParleyError("too-large", `body: larger than the limit of ${limit} bytes`);
  return Buffer.concat(chunks, size);
}

/** The body's pieces; a caller who goes away in the middle of it has canceled. */
async function* arriving(stream: IncomingMessage): AsyncGenerator<Buffer> {
  const timer = setTimeout(() => stream.destroy(new Error("the body took too long")), bodyMs);
  try {
    yield* stream as AsyncIterable<Buffer>;
  } catch (cause) {
    throw new ParleyError("canceled", "the connection ended before the body did", { cause });
  } finally {
    clearTimeout(timer);
  }
}
