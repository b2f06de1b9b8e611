/** What a caller of the WebSocket can make the server hold in memory. */
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import WebSocket from "ws";
import { JsonReader } from "../../../src/http/json-reader.ts";
import { SocketSession } from "../../../src/http/responses/session.ts";
import type { ResponsesRouteOptions } from "../../../src/http/responses/create-route.ts";
import { TimeSlices } from "../../../src/lib/time-slices.ts";
import { openStore } from "../../../src/store/open.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { startServer, testKey, type Running } from "../../e2e/start.ts";

let server: Running;
beforeAll(async () => {
  server = await startServer({ engine: "sim" });
});
afterAll(() => server.stop());

it("is not read from while it does not read", async () => {
  const headers = { authorization: `Bearer ${testKey}` };
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/responses`, { headers });
  try {
    await new Promise((resolve) => socket.once("open", resolve));
    socket.pause();
    const message = Buffer.alloc(512);
    for (let at = 0; at < 80_000; at++) {
      socket.send(message);
      if (at % 10_000 === 0) await wait(1);
    }
    await wait(500);
    expect(socket.bufferedAmount).toBeGreaterThan(0);
    socket.resume();
    await expect.poll(() => socket.bufferedAmount, { timeout: 20_000 }).toBe(0);
  } finally {
    socket.terminate();
  }
}, 30_000);

it("keeps no more waiting than one message may hold", async () => {
  const sent: string[] = [];
  const gate = Promise.withResolvers<never>();
  const jsonReader = new JsonReader({ slices: new TimeSlices(), maxValues: 1_000 });
  const session = new SocketSession({
    authenticate: () => gate.promise,
    options: { bodyLimit: 1_000, jsonReader, surface: {}, log: silentLog } as ResponsesRouteOptions,
    headers: {},
    send: async (text) => void sent.push(text),
    refuseBytes: () => undefined,
  });
  const message = (length: number): Buffer[] => [
    Buffer.from(JSON.stringify({ type: "response.create", input: "x".repeat(length) })),
  ];
  session.receive(message(900));
  session.receive(message(900));
  expect(sent.map((text) => JSON.parse(text) as unknown)).toMatchObject([{ status: 429 }]);
  gate.reject(new Error("over"));
  await session.finish();
});

it.each([
  ["small", 100],
  ["in fragments", 300_000],
])("a message of bytes that are no text ends the connection, binary ones are refused: %s", async (_, size) => {
  const headers = { authorization: `Bearer ${testKey}` };
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/responses`, { headers });
  await once(socket, "open");
  socket.send(Buffer.alloc(size, 0x20));
  const [refusal] = (await once(socket, "message")) as [Buffer];
  expect(refusal.toString()).toContain("messages must be text");
  socket.send(Buffer.alloc(size, 0xff), { binary: false });
  expect((await once(socket, "close"))[0]).toBe(1007);
});

it("hears of an answer that could not be kept", async () => {
  const store = await openStore();
  store.responses.end = () => Promise.reject(new Error("the disk is full"));
  const broken = await startServer({ engine: "sim" }, { store });
  const headers = { authorization: `Bearer ${testKey}` };
  const socket = new WebSocket(`${broken.url.replace("http", "ws")}/v1/responses`, { headers });
  try {
    await new Promise((resolve) => socket.once("open", resolve));
    const types: string[] = [];
    socket.on("message", (data) => types.push((JSON.parse((data as Buffer).toString()) as { type: string }).type));
    socket.send(JSON.stringify({ type: "response.create", model: "MiniMax-M3", input: "Say: one", store: true }));
    await expect.poll(() => types.at(-1)).toBe("error");
    expect(types).not.toContain("response.completed");
  } finally {
    socket.terminate();
    await broken.stop();
  }
});

it("is let go when its peer answers no ping, and kept while it does", async () => {
  const quick = await startServer({ engine: "sim", server: { heartbeatSeconds: 0.1 } });
  const headers = { authorization: `Bearer ${testKey}` };
  const open = (autoPong: boolean): WebSocket =>
    new WebSocket(`${quick.url.replace("http", "ws")}/v1/responses`, { headers, autoPong });
  const [gone, there] = [open(false), open(true)];
  try {
    const closed = new Promise((resolve) => gone.once("close", resolve));
    await new Promise((resolve) => there.once("open", resolve));
    expect(await closed).toBe(1006);
    await wait(500);
    expect(there.readyState).toBe(WebSocket.OPEN);
  } finally {
    gone.terminate();
    there.terminate();
    await quick.stop();
  }
});
