/** Connections of strangers, held as long as the server lets them. */
import type { Socket } from "node:net";
import { expectStatus, simulator, type Attack } from "../attack.ts";
import { inParallel, pause, type Client } from "../client.ts";

/** Until when a connection that is held without a right to it must be closed. */
const heldSeconds = 32;

interface Held {
  name: string;
  count: number;
  fast?: boolean;
  /** What is sent first. */
  opening: (client: Client) => string;
  /** What is sent each second after it. */
  drip?: string;
  /** Ends its own half at once. */
  halfClosed?: boolean;
  seconds?: number;
}

const dripping =
  (line: string, headers: Record<string, string> = {}) =>
  (client: Client) =>
    client.head(line, {
      authorization: "",
      "transfer-encoding": "chunked",
      "content-type": "application/json",
      ...headers,
    });

const rows: readonly Held[] = [
  { name: "a body after 401", count: 20, opening: dripping("POST /v1/chat/completions"), drip: "1\r\nx\r\n" },
  {
    name: "a body after 401, files",
    count: 20,
    opening: dripping("POST /v1/files/upload", { "content-type": "multipart/form-data; boundary=b" }),
    drip: "1\r\nx\r\n",
  },
  { name: "a body after 404", count: 20, opening: dripping("POST /v1/nowhere"), drip: "1\r\nx\r\n" },
  { name: "a body after 405", count: 20, opening: dripping("PUT /v1/chat/completions"), drip: "1\r\nx\r\n" },
  { name: "a body for /healthz", count: 20, opening: dripping("GET /healthz"), drip: "1\r\nx\r\n" },
  { name: "a body for the admin API", count: 20, opening: dripping("POST /admin/api/keys"), drip: "1\r\nx\r\n" },
  {
    name: "headers that never end",
    count: 100,
    opening: () => "GET /healthz HTTP/1.1\r\nhost: x\r\n",
    drip: "x-a: b\r\n",
  },
  { name: "garbage", count: 300, opening: () => "GARBAGE\r\n\r\n" },
  { name: "nothing at all", count: 300, opening: () => "" },
  { name: "half-closed at once", count: 300, opening: () => "", halfClosed: true },
  {
    name: "half-closed after half a request",
    count: 300,
    opening: () => "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n{",
    halfClosed: true,
  },
  {
    name: "a WebSocket handshake without a key",
    count: 200,
    opening: (client) =>
      client.head("GET /v1/responses", {
        authorization: "",
        upgrade: "websocket",
        connection: "Upgrade",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "sec-websocket-version": "13",
      }),
  },
];

/** Holds connections; throws unless the server has closed them all in time. */
async function hold(
  client: Client,
  { count, opening, drip = "", halfClosed = false, seconds = heldSeconds }: Held,
): Promise<string> {
  const sockets = await inParallel(count, 50, () => client.socket().catch(() => undefined));
  const open = new Set(sockets.filter((socket): socket is Socket => socket !== undefined && !socket.destroyed));
  const text = opening(client);
  const started = performance.now();
  const idle = client.server.handles() - open.size;
  for (const socket of open) {
    socket.resume().on("close", () => open.delete(socket));
    if (text !== "") socket.write(text);
    if (halfClosed) socket.end();
  }
  const passed = (): number => (performance.now() - started) / 1000;
  // a peer that has closed its half is not seen to go: the server's own count of handles is
  while (client.server.handles() > idle + 3 && passed() < seconds) {
    for (const socket of open) if (socket.writable && drip !== "") socket.write(drip);
    await pause(1_000);
  }
  const left = Math.max(0, client.server.handles() - idle);
  if (left > 3) throw new Error(`${left} of ${count} connections are open after ${seconds} s`);
  return `all ${count} closed after ${passed().toFixed(0)} s`;
}

/** Strangers who come back for each connection they lose, while a caller with a key wants a new one. */
async function siege(client: Client, count: number): Promise<string> {
  let running = true;
  const besiege = async (): Promise<void> => {
    while (running) {
      const socket = await client.socket().catch(() => undefined);
      if (socket !== undefined && !socket.destroyed) await new Promise((resolve) => socket.once("close", resolve));
      await pause(20);
    }
  };
  for (let index = 0; index < count; index += 1) void besiege();
  await pause(3_000);
  const answers = await inParallel(40, 1, () => client.fresh("/v1/models"));
  running = false;
  return `${count} strangers; another caller: ${expectStatus(answers, 200)}`;
}

export const connectionAttacks: readonly Attack[] = [
  ...rows.map((row): Attack => ({
    name: `connections: ${row.name}`,
    by: "stranger",
    settings: simulator,
    run: (client) => hold(client, row),
  })),
  {
    name: "connections: 5,000 strangers at the door",
    by: "stranger",
    settings: simulator,
    run: (client) => siege(client, 5_000),
  },
  {
    name: "connections: 500 strangers at the door",
    by: "stranger",
    settings: simulator,
    fast: true,
    run: (client) => siege(client, 500),
  },
];
