import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { SseResponse } from "../../src/http/sse-response.ts";
import { Transcript } from "../../src/model/transcript.ts";

let server: Server;
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** A server that answers everything with one stream; tells how that ended. */
async function answering(
  work: (sse: SseResponse) => Promise<void>,
  heartbeatMs = 60_000,
): Promise<{ port: number; ended: Promise<unknown> }> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  server = createServer((_request, response) => {
    const sse = new SseResponse({ response, headers: {}, heartbeatMs });
    work(sse).then(() => resolve("over"), resolve);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return { port: (server.address() as AddressInfo).port, ended: promise };
}

it("breaks the connection off when a batch cannot be told", async () => {
  const failure = new Error("no words for it");
  const encoder = {
    encode: (batch: readonly unknown[]) => {
      if (batch.length > 1) throw failure;
      return "data: {}\n\n";
    },
    flush: () => "",
    pending: false,
    maxWaitMs: 0,
  };
  async function* batches() {
    yield [{ type: "begin" }] as const;
    yield [{ type: "begin" }, { type: "begin" }] as const;
  }
  const { port, ended } = await answering((sse) => sse.send(batches(), new Transcript(), encoder));
  const read = fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text());
  await expect(read).rejects.toThrow(/terminated|fetch failed/);
  expect(await ended).toBe(failure);
});

it("sends no sign of life in the middle of an event that is read slowly", async () => {
  const event = `data: ${"x".repeat(16 * 1024 * 1024)}\n\n`;
  async function* one(): AsyncGenerator<string> {
    yield event;
  }
  const { port, ended } = await answering((sse) => sse.relay(one(), String, ""), 5);
  const { body } = await fetch(`http://127.0.0.1:${port}/`);
  // several beats, while the rest of the event waits for its reader
  await new Promise((resolve) => setTimeout(resolve, 100));
  let text = "";
  for await (const part of (body ?? expect.fail()).pipeThrough(new TextDecoderStream())) text += part;
  expect(await ended).toBe("over");
  expect(text.length).toBe(event.length);
});

it("keeps a connection alive that falls silent after its first event", async () => {
  const seen = Promise.withResolvers<void>();
  async function* silentAfterOne(): AsyncGenerator<string> {
    yield "data: 1\n\n";
    await seen.promise;
    yield "data: 2\n\n";
  }
  const { port, ended } = await answering((sse) => sse.relay(silentAfterOne(), String, ""), 20);
  let text = "";
  const { body } = await fetch(`http://127.0.0.1:${port}/`);
  for await (const part of (body ?? expect.fail()).pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes(": keep-alive\n\n")) seen.resolve();
  }
  expect(await ended).toBe("over");
  expect(text).toMatch(/^data: 1\n\n(?:: keep-alive\n\n)+data: 2\n\n$/);
});
