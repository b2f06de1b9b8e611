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

type Reader = () => Promise<{ bytes: Buffer; isText: boolean }>;

/** A client, and what reads one message from the server's side of its connection, through a splitter. */
async function connected(): Promise<[WebSocket, Reader]> {
  const http = createServer();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxBytes });
  const accepted = Promise.withResolvers<Reader>();
  http.on("upgrade", (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (connection) => {
      const frames = splitFrames(socket, maxBytes);
      connection.binaryType = "fragments";
      connection.on("error", () => undefined);
      accepted.resolve(async () => {
        const [pieces] = (await once(connection, "message")) as [Buffer[]];
        return { bytes: Buffer.concat(pieces), isText: frames.takeIsText() };
      });
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
  const [client, read] = await connected();
  await once(client, "open");
  const sent = randomBytes(size);
  client.send(sent);
  const first = await read();
  expect([Buffer.compare(first.bytes, sent), first.isText]).toEqual([0, false]);
  client.ping("between");
  client.send("é".repeat(100_000));
  const second = await read();
  expect([second.bytes.toString(), second.isText]).toEqual(["é".repeat(100_000), true]);
});

it("what the client sends in fragments stays one message", async () => {
  const [client, read] = await connected();
  await once(client, "open");
  client.send("a".repeat(200_000), { fin: false });
  client.send("b".repeat(200_000), { fin: false });
  client.send("c", { fin: true });
  const { bytes, isText } = await read();
  expect(isText).toBe(true);
  expect(bytes.toString()).toBe(`${"a".repeat(200_000)}${"b".repeat(200_000)}c`);
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

/** What the fragments of one message hold, without their masks, and how long each is. */
function fragments(pieces: readonly Buffer[]): { payload: Buffer; sizes: number[]; firsts: number[] } {
  const all = Buffer.concat(pieces);
  const found: { payload: Buffer[]; sizes: number[]; firsts: number[] } = { payload: [], sizes: [], firsts: [] };
  for (let at = 0; at < all.length;) {
    const size = Number(all.readBigUInt64BE(at + 2));
    const mask = all.subarray(at + 10, at + 14);
    const payload = all.subarray(at + 14, at + 14 + size).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
    found.payload.push(Buffer.from(payload));
    found.sizes.push(size);
    found.firsts.push(all[at] ?? 0);
    at += 14 + size;
  }
  return { ...found, payload: Buffer.concat(found.payload) };
}

it.each([1, 1_000, 16_384, 20_001, 200_000])("makes fragments of a large frame that arrives by %d bytes", (chunk) => {
  const mask = [9, 8, 7, 6];
  const payload = randomBytes(131_073);
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  const frame = Buffer.concat([Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 2, 0, 1, ...mask]), masked]);
  const splitter = new FrameSplitter(maxBytes);
  const pieces: Buffer[] = [];
  for (let at = 0; at < frame.length; at += chunk) pieces.push(...splitter.push(frame.subarray(at, at + chunk)));
  const found = fragments(pieces);
  expect(Buffer.compare(found.payload, payload)).toBe(0);
  // what has arrived is one fragment; of little more is awaited
  expect(found.sizes.slice(0, -1).every((size) => size >= 16_384)).toBe(true);
  if (chunk === 20_001) expect(Math.max(...found.sizes.slice(1, -1))).toBe(chunk);
  const middle = Array.from({ length: Math.max(0, found.firsts.length - 2) }, () => 0);
  expect(found.firsts).toEqual(found.firsts.length === 1 ? [0x82] : [0x02, ...middle, 0x80]);
  expect(splitter.takeIsText()).toBe(true);
});
