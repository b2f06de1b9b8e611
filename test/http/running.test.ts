/** A server that stops waits for nobody who does nothing. */
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import { scriptEngine } from "../support/script-engine.ts";
import type { Batch } from "../../src/model/event.ts";
import { startServer, testKey, type Running } from "../e2e/start.ts";

const sockets: Socket[] = [];
const servers: Running[] = [];
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.map((server) => server.stop()));
});

/** More than the buffers of a connection hold. */
async function* flood(): AsyncGenerator<Batch> {
  yield [{ type: "begin" }, { type: "text-start", index: 0 }];
  for (let at = 0; at < 400; at++) yield [{ type: "text-delta", index: 0, text: "x".repeat(200_000) }];
  yield [
    { type: "text-end", index: 0 },
    { type: "finish", reason: "stop" },
  ];
}

const body = JSON.stringify({ model: "MiniMax-M3", stream: true, messages: [{ role: "user", content: "hi" }] });
const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${testKey}\r\ncontent-length: ${body.length}\r\n\r\n`;
const upgrade = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${testKey}\r\nconnection: upgrade\r\nupgrade: websocket\r\n`;
const handshake = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n";

it.concurrent.each([
  ["never reads its stream", head + body, false],
  ["sends half a body", head + body.slice(0, 10), true],
  ["sends half a header", "POST /v1/chat/com", true],
  ["keeps a connection open that it broke", "garbage\r\n\r\n", true],
  ["keeps a connection open whose upgrade was refused", `${upgrade("/nowhere")}\r\n`, true],
  ["does not answer the end of its WebSocket", upgrade("/v1/responses") + handshake, true],
])("stops although a caller %s", async (_name, bytes, reads) => {
  const server = await startServer({}, { engines: new Map([["script", scriptEngine({ batches: () => flood() })]]) });
  servers.push(server);
  const socket = connect({ port: Number(new URL(server.url).port), host: "127.0.0.1", allowHalfOpen: true });
  sockets.push(socket);
  socket.on("error", () => undefined);
  socket.write(bytes);
  if (reads) socket.resume();
  await wait(200);
  const ended = server.app.close(0).then(() => "stopped");
  expect(await Promise.race([ended, wait(4_000)])).toBe("stopped");
});
