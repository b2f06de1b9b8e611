import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { randomBytes } from "node:crypto";
import { afterEach, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { FrameSplitter, splitFrames } from "../../../src/http/responses/frame-splitter.ts";

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

const maxBytes = 4_000_000;

/** A client, and the server's side of its connection, which reads through a splitter. */
async function connected(): Promise<[WebSocket, WebSocket]> {
  const http = createServer();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxBytes });
  const accepted = Promise.withResolvers<WebSocket>();
  http.on("upgrade", (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (connection) => {
      splitFrames(socket, maxBytes);
      connection.on("error", () => undefined);
      accepted.resolve(connection);
    }),
  );
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`, { perMessageDeflate: false });
  client.on("error", () => undefined);
  opened.push(
    () => client.terminate(),
    () => http.close(),
  );
  return [client, await accepted.promise];
}

it.each([0, 1, 125, 126, 65_535, 65_536, 65_537, 131_072, 1_000_003])("a message of %d bytes arrives", async (size) => {
  const [client, server] = await connected();
  await once(client, "open");
  const sent = randomBytes(size);
  client.send(sent);
  client.ping("between");
  client.send("é".repeat(100_000));
  expect(Buffer.compare((await once(server, "message"))[0] as Buffer, sent)).toBe(0);
  const [text, binary] = (await once(server, "message")) as [Buffer, boolean];
  expect([text.toString(), binary]).toEqual(["é".repeat(100_000), false]);
});

it("what the client sends in fragments stays one message", async () => {
  const [client, server] = await connected();
  await once(client, "open");
  client.send("a".repeat(200_000), { fin: false });
  client.send("b".repeat(200_000), { fin: false });
  client.send("c", { fin: true });
  const [text] = (await once(server, "message")) as [Buffer];
  expect(text.toString()).toBe(`${"a".repeat(200_000)}${"b".repeat(200_000)}c`);
});

it("a frame that is too large is refused at its header, and a close is answered", async () => {
  const [large] = await connected();
  await once(large, "open");
  large.send(Buffer.alloc(maxBytes + 1));
  expect((await once(large, "close"))[0]).toBe(1009);
  const [client] = await connected();
  await once(client, "open");
  client.send("x".repeat(100_000));
  client.close(1000);
  expect((await once(client, "close"))[0]).toBe(1000);
});

it("makes fragments of a large frame, however its bytes arrive", () => {
  const frame = Buffer.concat([Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 2, 0, 1, 9, 8, 7, 6]), randomBytes(131_073)]);
  const atOnce = Buffer.concat(new FrameSplitter(maxBytes).push(frame));
  const splitter = new FrameSplitter(maxBytes);
  const one = Buffer.concat(Array.from(frame, (byte) => splitter.push(Buffer.from([byte]))).flat());
  expect(Buffer.compare(one, atOnce)).toBe(0);
  // three headers instead of one
  expect(atOnce.length).toBe(frame.length + 2 * 14);
  expect([atOnce[0], atOnce[14 + 65_536], atOnce[2 * (14 + 65_536)]]).toEqual([0x02, 0, 0x80]);
});
