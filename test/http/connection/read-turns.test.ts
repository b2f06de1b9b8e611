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
