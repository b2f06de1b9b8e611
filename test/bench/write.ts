/** Batches through `SseResponse` into a real socket, against the same texts written with bare node:http. */
import { createServer, get, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { SseResponse } from "../../src/http/sse-response.ts";
import type { Batch } from "../../src/model/event.ts";
import { Transcript } from "../../src/model/transcript.ts";
import type { SseEncoder } from "../../src/surface/surface.ts";
import type { Row } from "./row.ts";

const writes = 20_000;
const text = `data: {"choices":[{"index":0,"delta":{"content":"some words of an answer"}}]}\n\n`;

const encoder: SseEncoder = { encode: () => text, flush: () => "", pending: false, maxWaitMs: 0 };
const batch: Batch = [];

async function* batches(): AsyncGenerator<Batch> {
  for (let index = 0; index < writes; index += 1) {
    // an engine lets the process breathe between batches; without it nothing would ever leave the socket
    if (index % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    yield batch;
  }
}

const ways: Record<string, (response: ServerResponse) => Promise<void>> = {
  "/ours": (response) =>
    new SseResponse({ response, headers: {}, heartbeatMs: 15_000 }).send(batches(), new Transcript(), encoder),
  "/bare": async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for await (const _ of batches()) {
      if (!response.write(text)) await new Promise((resolve) => response.once("drain", resolve));
    }
    response.end();
  },
};

export async function measureWrites(): Promise<Row> {
  const server = createServer((request, response) => void ways[request.url ?? ""]?.(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const spent = async (path: string): Promise<number> => {
    const started = process.threadCpuUsage();
    await drain(`http://127.0.0.1:${port}${path}`);
    const { user, system } = process.threadCpuUsage(started);
    return user + system;
  };
  const found: Record<string, number[]> = { "/ours": [], "/bare": [] };
  for (let round = 0; round < 4; round += 1) for (const path of Object.keys(ways)) found[path]?.push(await spent(path));
  await new Promise((resolve) => server.close(resolve));
  const [ours, bare] = [Math.min(...(found["/ours"] ?? [])), Math.min(...(found["/bare"] ?? []))];
  return {
    shape: "SSE write",
    value: ours / writes,
    unit: "us/write",
    ratio: bare / ours,
    note: "server and reader in one process",
  };
}

function drain(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, (response) => response.resume().once("end", resolve)).once("error", reject);
  });
}
