/** What sick upstreams send. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { doneFrame, frame, sse } from "../engine/upstream/fake.ts";

export type Sickness = (response: ServerResponse) => void | Promise<void>;

const end = frame({}, "stop") + doneFrame;
const endOfCalls = frame({}, "tool_calls") + doneFrame;

/** One event whose JSON is written over many `data:` lines, which is legal. */
function prettyPrinted(bytes: number): string {
  const x = Array.from({ length: bytes / 30 }, (_, index) => ({ logprob: -index }));
  const value = { choices: [{ index: 0, delta: { content: "hi" }, x }] };
  return `${JSON.stringify(value, undefined, 1).replaceAll(/^/gm, "data: ")}\n\n`;
}

function calls(count: number): string {
  const of = (index: number): string =>
    frame({ tool_calls: [{ index, id: `c${index}`, type: "function", function: { name: "f", arguments: "{}" } }] });
  return Array.from({ length: count }, (_, index) => of(index)).join("");
}

/** Writes at the pace of the reader. */
async function pour(response: ServerResponse, piece: string | Buffer, times: number): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  for (let index = 0; index < times && !gone.signal.aborted; index += 1) {
    if (!response.write(piece)) await once(response, "drain", { signal: gone.signal }).catch(() => undefined);
  }
}

const block = Buffer.alloc(65_536, 0x41);

export const sicknesses: Readonly<Record<string, Sickness>> = {
  "one event of 200 kB over many lines": (response) => void sse(response).end(prettyPrinted(200_000) + end),
  "one event of 2 MB over many lines": (response) => void sse(response).end(prettyPrinted(2_000_000) + end),
  "100,000 tool calls in one answer": (response) => void sse(response).end(calls(100_000) + endOfCalls),
  "5,000 tool calls in one answer": (response) => void sse(response).end(calls(5_000) + endOfCalls),
  "one line of 30 MB": async (response) => {
    sse(response).write('data: {"x":"');
    await pour(response, block.subarray(0, 16_384), 1_920);
    response.end('"}\n\n');
  },
  "one line of 1 GB": async (response) => {
    sse(response).write("data: ");
    await pour(response, block, 16 * 1024);
    response.end();
  },
  "an error page of 300 MB": async (response) => {
    response.writeHead(500, { "content-type": "text/html" });
    await pour(response, block, 300 * 16);
    response.end();
  },
  "a JSON body of 300 MB": async (response) => {
    response.writeHead(200, { "content-type": "application/json" });
    await pour(response, block, 300 * 16);
    response.end();
  },
  "16 MB of single words": async (response) => {
    sse(response);
    await pour(response, frame({ content: "a " }).repeat(100), 1_500);
    response.end(end);
  },
  "200,000 comment lines": async (response) => {
    sse(response);
    await pour(response, ": nothing\n\n".repeat(100), 2_000);
    response.end(frame({ content: "a" }) + end);
  },
  healthy: (response) => void sse(response).end(frame({ content: "a" }) + end),
};
