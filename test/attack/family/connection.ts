/** Connections of strangers, held as long as the server lets them. */
import type { Socket } from "node:net";
import { expectStatus, simulator, type Attack } from "../attack.ts";
import { inParallel, pause, type Client } from "../client.ts";

/** The times after which connections are closed, so short that a row can wait for them. */
const hasty = {
  ...simulator,
  server: { timeouts: { headersSeconds: 8, bodySeconds: 8, idleSeconds: 8, refusedSeconds: 8, closeSeconds: 2 } },
};
/** When all of them must be over: two clocks may follow one another, each looks now and then. */
const heldSeconds = 25;

interface Held {
  name: string;
  count: number;
  /** What is sent first. */
  opening: (client: Client) => string;
  /** What is sent each second after it. */
  drip?: string;
  /** Ends its own half at once. */
  halfClosed?: boolean;
}

/** Files of the server that come and go by themselves. */
const handleSlack = 3;

const dripping =
  (line: string, headers: Record<string, string> = {}) =>
  (client: Client) =>
    client.head(line, {
      authorization: "",
      "transfer-encoding": "chunked",
      "content-type": "application/json",
      ...headers,
    });

const kinds: readonly Held[] = [
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

/** Holds connections of several kinds; throws unless the server has closed them all in time. */
async function hold(client: Client, kinds: readonly Held[], share = 1): Promise<string> {
  const idle = client.server.handles();
  const opened = await Promise.all(kinds.map((kind) => open(client, kind, Math.ceil(kind.count * share))));
  const count = opened.reduce((sum, { sockets }) => sum + sockets.length, 0);
  const started = performance.now();
  for (const { kind, sockets } of opened) for (const socket of sockets) begin(client, kind, socket);
  const passed = (): number => (performance.now() - started) / 1000;
  // a peer that has closed its half is not seen to go: the server's own count of handles is
  while (client.server.handles() > idle + handleSlack && passed() < heldSeconds) {
    for (const { kind, sockets } of opened)
      sockets.forEach((socket) => socket.writable && socket.write(kind.drip ?? ""));
    await pause(1_000);
  }
  const left = Math.max(0, client.server.handles() - idle);
  if (left > handleSlack) throw new Error(`${left} of ${count} connections are open after ${heldSeconds} s`);
  return `all ${count} closed after ${passed().toFixed(0)} s`;
}

async function open(client: Client, kind: Held, count: number): Promise<{ kind: Held; sockets: Socket[] }> {
  const sockets = await inParallel(count, 50, () => client.socket());
  return { kind, sockets: sockets.filter(({ destroyed }) => !destroyed) };
}

function begin(client: Client, { opening, halfClosed = false }: Held, socket: Socket): void {
  socket.resume().write(opening(client));
  if (halfClosed) socket.end();
}

/** Strangers who come back for each connection they lose, while a caller with a key wants a new one. */
async function siege(client: Client, count: number): Promise<string> {
  let running = true;
  const besiege = async (): Promise<void> => {
    while (running) {
      const socket = await client.socket().catch(() => undefined);
      if (client.isOver) return;
      if (socket !== undefined && !socket.destroyed) await new Promise((resolve) => socket.once("close", resolve));
      await pause(20);
    }
  };
  for (let index = 0; index < count; index += 1) void besiege();
  await pause(3_000);
  const answers = await inParallel(40, 1, () => client.fresh("/v1/models")).finally(() => (running = false));
  return `${count} strangers; another caller: ${expectStatus(answers, 200)}`;
}

const row = (name: string, settings: Attack["settings"], run: Attack["run"], fast = false): Attack => ({
  name: `connections: ${name}`,
  by: "stranger",
  settings,
  fast,
  run,
});

export const connectionAttacks: readonly Attack[] = [
  ...kinds.map((kind) => ({ ...row(kind.name, hasty, (client) => hold(client, [kind])), detail: true })),
  row("all of every kind", hasty, (client) => hold(client, kinds)),
  row("some of every kind", hasty, (client) => hold(client, kinds, 0.1), true),
  row("5,000 strangers at the door", simulator, (client) => siege(client, 5_000)),
  row("500 strangers at the door", simulator, (client) => siege(client, 500), true),
];
