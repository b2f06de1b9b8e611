import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { expect, it } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { SocketWriter } from "../../../src/http/responses/socket-writer.ts";
import { closeLater } from "../../support/close-later.ts";

/** A WebSocket's two ends; `writes`: bytes of each write to the server's connection. */
async function connected() {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  closeLater(server, sockets, { close: () => client.terminate() });
  const writes: number[] = [];
  server.on("connection", (socket: Socket) => {
    const [write, writev] = [socket._write.bind(socket), socket._writev?.bind(socket)];
    socket._write = (chunk: Buffer, encoding, done) => {
      writes.push(chunk.length);
      write(chunk, encoding, done);
    };
    socket._writev = (chunks, done) => {
      writes.push(chunks.reduce((sum, { chunk }) => sum + Buffer.byteLength(chunk as Buffer), 0));
      writev?.(chunks, done);
    };
  });
  const [socket, { socket: connection }] = (await once(sockets, "connection")) as [WebSocket, { socket: Socket }];
  if (client.readyState !== WebSocket.OPEN) await once(client, "open");
  return { client, socket, connection, writes };
}

it("writes little at once to a slow reader, in order, and waits for it", async () => {
  const { client, socket, connection, writes } = await connected();
  const writer = new SocketWriter(socket, connection, () => undefined);
  client.pause();
  const texts = Array.from({ length: 1_500 }, (_, at) => `${at} ${"x".repeat(10_000)}`);
  texts.push("y".repeat(300_000), "z");
  let sent = 0;
  const all = (async () => {
    for (const text of texts) {
      await writer.send(text);
      sent += 1;
    }
  })();
  // the buffers of both ends are full
  await expect.poll(() => socket.bufferedAmount).toBeGreaterThan(0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(sent).toBeLessThan(texts.length);
  expect(socket.isPaused).toBe(true);
  const received: string[] = [];
  client.on("message", (data: Buffer) => received.push(data.toString()));
  client.resume();
  await all;
  await expect.poll(() => received.length).toBe(texts.length);
  expect(received).toEqual(texts);
  // a fragment has a header of up to 10 bytes
  expect(Math.max(...writes)).toBeLessThanOrEqual(64 * 1024 + 200);
  expect(socket.isPaused).toBe(false);
});

it("reports a connection that is gone, also while it waits", async () => {
  const { client, socket, connection } = await connected();
  let gone = 0;
  const writer = new SocketWriter(socket, connection, () => (gone += 1));
  client.pause();
  for (let at = 0; at < 1_000; at += 1) void writer.send("x".repeat(20_000));
  await expect.poll(() => socket.isPaused).toBe(true);
  client.terminate();
  await writer.sent;
  expect(gone).toBeGreaterThan(0);
});
