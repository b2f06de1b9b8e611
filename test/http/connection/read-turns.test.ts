/** Thousands of connections that have something to read at one moment: a few are read in each turn of the event loop. */
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { Connections } from "../../../src/http/connection/connections.ts";
import { ReadTurns, type Reader } from "../../../src/http/connection/read-turns.ts";
import { connectionSettings, timeoutSettings } from "../../../src/http/connection/settings.ts";
import { Arrivals } from "../../../src/lib/arrivals.ts";

/** Holds the event loop for a millisecond. */
function hold(): void {
  const until = performance.now() + 1;
  while (performance.now() < until);
}

/** Has something to read until it was read. */
class Full implements Reader {
  readonly owner: string;
  reading = true;
  done = false;

  constructor(owner: string) {
    this.owner = owner;
  }

  holdBack(): boolean {
    const was = this.reading;
    this.reading = false;
    return was;
  }

  readOn(): void {
    this.reading = true;
  }
}

it("reads a few in each turn, owners in turns, and all in the end", async () => {
  const many = Array.from({ length: 300 }, () => new Full("many"));
  const last = new Full("few");
  const readers = new Map([...many, last].map((reader) => [reader, reader]));
  const turns = new ReadTurns(readers);
  const perTurn: number[] = [];
  while (!many.every(({ done }) => done)) {
    let count = 0;
    for (const reader of readers.keys()) {
      if (!reader.reading || reader.done) continue;
      reader.done = true;
      count += 1;
      hold();
      turns.note();
    }
    perTurn.push(count);
    if (perTurn.length === 3) expect(last.done).toBe(true);
    await nextTurn();
  }
  expect(Math.max(...perTurn)).toBeLessThanOrEqual(33);
});

it("reads one that sends little soon, where the others have hundreds of requests each time they are read", async () => {
  const many = Array.from({ length: 40 }, () => new Full("many"));
  const last = new Full("few");
  const turns = new ReadTurns(new Map([...many, last].map((reader) => [reader, reader])));
  let count = 0;
  const readAll = (reader: Full): void => {
    reader.done = true;
    for (let request = 0; request < 40; request += 1) {
      if (reader !== last && request % 4 === 0) hold();
      turns.note();
    }
  };
  for (; !last.done && count < 100; count += 1) {
    for (const reader of [...many, last]) if (reader.reading) readAll(reader);
    await nextTurn();
  }
  expect(count).toBeLessThan(20);
});

const sockets: Socket[] = [];
const servers: { close(): void; closeAllConnections(): void }[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

it("answers 200 requests that arrive at one moment, and then takes 200 resets, in many turns", async () => {
  const limits = connectionSettings.parse({});
  const timeouts = timeoutSettings.parse({});
  const connections = new Connections({ timeouts, limits, trustedProxies: [], arrivals: new Arrivals() });
  let [received, lost] = [0, 0];
  const server = createServer((request, response) => {
    hold();
    received += 1;
    connections.receive({ request, response, begin: () => void (request.url === "/" && response.end("x")) });
  });
  server.on("clientError", () => {
    hold();
    lost += 1;
  });
  servers.push(server);
  connections.watch(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const opened = Array.from({ length: 200 }, () => connect({ port, host: "127.0.0.1" }));
  sockets.push(...opened);
  let answers = 0;
  for (const socket of opened) socket.on("error", () => undefined).on("data", () => (answers += 1));
  await Promise.all(opened.map((socket) => once(socket, "connect")));
  while (connections.size < 200) await nextTurn();
  const most = async (count: () => number): Promise<number> => {
    let worst = 0;
    while (count() < 200) {
      const before = count();
      await nextTurn();
      worst = Math.max(worst, count() - before);
    }
    return worst;
  };

  for (const socket of opened) socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  expect(await most(() => received)).toBeLessThanOrEqual(66);
  while (answers < 200) await nextTurn();

  // those that wait for an answer see the reset as the end of their request
  for (const socket of opened) socket.write("GET /never HTTP/1.1\r\nhost: x\r\n\r\n");
  while (received < 400) await nextTurn();
  for (const socket of opened) socket.resetAndDestroy();
  expect(await most(() => lost)).toBeLessThanOrEqual(66);
  while (connections.size > 0) await nextTurn();
});

it("reads no more of a connection while many of its requests wait, whose bodies are read meanwhile", async () => {
  const limits = connectionSettings.parse({});
  const timeouts = timeoutSettings.parse({});
  const connections = new Connections({ timeouts, limits, trustedProxies: [], arrivals: new Arrivals() });
  let [received, answered, most] = [0, 0, 0];
  const server = createServer((request, response) => {
    received += 1;
    most = Math.max(most, received - answered);
    const begin = (): void => {
      request.resume().once("end", () => response.end("x"));
      response.once("finish", () => (answered += 1));
    };
    connections.receive({ request, response, begin });
  });
  servers.push(server);
  connections.watch(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const socket = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
  sockets.push(socket);
  const count = 5_000;
  const one = `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n${"x".repeat(1000)}`;
  socket.resume().write(one.repeat(count));
  while (answered < count) await nextTurn();
  // those of one read of 64 KiB, and those that waited before it
  expect(most).toBeLessThan(120);
});

it("accepts a crowd before it reads any more of it", async () => {
  const limits = connectionSettings.parse({});
  const timeouts = timeoutSettings.parse({});
  const connections = new Connections({ timeouts, limits, trustedProxies: [], arrivals: new Arrivals() });
  const acceptedBefore: number[] = [];
  let accepted = 0;
  const server = createServer((request, response) => {
    acceptedBefore.push(accepted);
    connections.receive({ request, response, begin: () => void response.end("x") });
  });
  server.on("connection", () => (accepted += 1));
  servers.push(server);
  connections.watch(server);
  await once(server.listen({ port: 0, host: "127.0.0.1", backlog: 200 }), "listening");
  const { port } = server.address() as AddressInfo;
  for (let count = 0; count < 120; count += 1) {
    const socket = connect({ port, host: "127.0.0.1" }).on("error", () => undefined);
    sockets.push(socket);
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  }
  while (acceptedBefore.length < 120) await nextTurn();
  // the first few come before there is a crowd
  expect(acceptedBefore[10]).toBeGreaterThan(100);
});
