/** What a caller can do with a connection: keep silent, drip, not read, open many. Everything ends in its time. */
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { simEngine } from "../../../src/engine/sim/engine.ts";
import type { Batch } from "../../../src/model/event.ts";
import { startServer, testKey, type Running } from "../../e2e/start.ts";
import { scriptEngine } from "../../support/script-engine.ts";

const servers: Running[] = [];
const sockets: { destroy(): void }[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

const short = {
  headersSeconds: 0.3,
  bodySeconds: 0.4,
  uploadSeconds: 2,
  refusedSeconds: 0.3,
  idleSeconds: 0.3,
  stallSeconds: 0.3,
  closeSeconds: 0.2,
};

async function serve(settings: object = {}, overrides: Parameters<typeof startServer>[1] = {}): Promise<Running> {
  const engines = new Map([["e", simEngine()]]);
  const server = await startServer({ server: { timeouts: short, ...settings } }, { engines, ...overrides });
  servers.push(server);
  return server;
}

interface Peer {
  socket: Socket;
  /** What came. */
  text(): string;
  /** Milliseconds until the connection was closed by the server. */
  closed: Promise<number>;
}

/** A connection that writes bytes, and a byte more every 40 ms where it drips; it never closes by itself. */
function open(server: Running, bytes: string, { drip = "", reads = true, from = "127.0.0.1" } = {}): Peer {
  const port = Number(new URL(server.url).port);
  const socket = connect({ port, host: "127.0.0.1", localAddress: from, allowHalfOpen: true });
  sockets.push(socket);
  const started = performance.now();
  let text = "";
  socket.on("error", () => undefined);
  if (reads) socket.on("data", (data: Buffer) => (text += data.toString()));
  else socket.pause();
  if (bytes !== "") socket.write(bytes);
  let drop = drip;
  const timer = setInterval(() => socket.writable && drop !== "" && socket.write(drop), 40);
  // a connection that is closed only in one direction takes this, one that is gone does not
  socket.once("end", () => (drop = "x"));
  const closed = new Promise<number>((resolve) =>
    socket.once("close", () => {
      clearInterval(timer);
      resolve(performance.now() - started);
    }),
  );
  return { socket, text: () => text, closed };
}

const auth = `authorization: Bearer ${testKey}\r\n`;
const endless = "content-length: 1000000\r\n\r\n";
const upgrade =
  "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n";

describe("a connection is closed although its caller", () => {
  it.each<[string, string, string, string]>([
    ["sends nothing", "", "", ""],
    ["drips a header", "GET /healthz HTTP/1.1\r\nx: ", "a", "took too long"],
    ["drips empty lines", "", "\r\n", ""],
    ["stays after an answer", "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", "", "200 OK"],
    ["drips empty lines after an answer", "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", "\r\n", "200 OK"],
    ["drips a header after an answer", "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nx: ", "a", "200 OK"],
    ["sends garbage", "GARBAGE\r\n\r\n", "", "400 Bad Request"],
    ["drips garbage", "GARBAGE\r\n\r\n", "x", "400 Bad Request"],
    [
      "asks for a WebSocket without a key",
      `GET /v1/responses HTTP/1.1\r\nhost: x\r\n${upgrade}`,
      "x",
      "401 Unauthorized",
    ],
    ["asks for a WebSocket elsewhere", `GET /v1/x HTTP/1.1\r\nhost: x\r\n${auth}${upgrade}`, "", "404 Not Found"],
    [
      "drips a body without a key",
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n${endless}`,
      "{",
      "401 Unauthorized",
    ],
    ["drips a body to nowhere", `POST /nowhere HTTP/1.1\r\nhost: x\r\n${endless}`, "{", "404 Not Found"],
    ["drips a body with a wrong method", `PUT /v1/models HTTP/1.1\r\nhost: x\r\n${auth}${endless}`, "{", "405 Method"],
    ["drips a body to /healthz", `GET /healthz HTTP/1.1\r\nhost: x\r\n${endless}`, "{", "200 OK"],
    ["drips a body with OPTIONS", `OPTIONS /v1/models HTTP/1.1\r\nhost: x\r\n${endless}`, "{", "HTTP/1.1"],
    ["drips a body to the admin API", `POST /admin/api/keys HTTP/1.1\r\nhost: x\r\n${endless}`, "{", "404 Not Found"],
    ["sends half a body and stops", `GET /healthz HTTP/1.1\r\nhost: x\r\n${endless}{`, "", "200 OK"],
    ["drips a body with its key", `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n${auth}${endless}`, " ", ""],
    [
      "drips a file",
      `POST /v1/files/upload HTTP/1.1\r\nhost: x\r\n${auth}content-type: multipart/form-data; boundary=b\r\n${endless}--b\r\n`,
      "x",
      "",
    ],
    [
      "drips a file without a key",
      `POST /v1/files/upload HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=b\r\n${endless}--b\r\n`,
      "x",
      "1004",
    ],
  ])("%s", async (_name, bytes, drip, answer) => {
    const peer = open(await serve(), bytes, { drip });
    expect(await peer.closed).toBeLessThan(4_000);
    expect(peer.text()).toContain(answer);
  });

  it("sends too large a body", async () => {
    const server = await serve({ bodyLimit: 1_024 });
    const peer = open(server, `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n${auth}${endless}`, {
      drip: "x".repeat(500),
    });
    expect(await peer.closed).toBeLessThan(14_000);
  }, 20_000);
});

/** More than the buffers of a connection hold; `left` settles when the engine was let go: true where it was not at its end. */
function flood() {
  const { promise: left, resolve } = Promise.withResolvers<boolean>();
  async function* batches(): AsyncGenerator<Batch> {
    let cut = true;
    try {
      yield [{ type: "begin" }, { type: "text-start", index: 0 }];
      for (let at = 0; at < 2_000; at++) yield [{ type: "text-delta", index: 0, text: "x".repeat(50_000) }];
      cut = false;
      yield [
        { type: "text-end", index: 0 },
        { type: "finish", reason: "stop" },
      ];
    } finally {
      resolve(cut);
    }
  }
  return { left, engines: new Map([["script", scriptEngine({ batches })]]) };
}

const chat = JSON.stringify({ model: "MiniMax-M3", stream: true, messages: [{ role: "user", content: "hi" }] });
const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\n${auth}content-length: ${body.length}\r\n\r\n${body}`;

/** Takes a few bytes now and then. */
function sip(socket: Socket): void {
  const timer = setInterval(() => {
    socket.once("data", () => socket.pause());
    socket.resume();
  }, 10);
  socket.once("close", () => clearInterval(timer));
}

describe("a reader who takes nothing is let go, and its engine with it:", () => {
  it("a stream of chat", async () => {
    const { left, engines } = flood();
    const server = await serve({}, { engines });
    open(server, post("/v1/chat/completions", chat), { reads: false });
    expect(await left).toBe(true);
  });

  it("a WebSocket, whose pings change nothing", async () => {
    const { left, engines } = flood();
    const timeouts = { ...short, stallSeconds: 2 };
    const server = await serve({ heartbeatSeconds: 0.6, timeouts }, { engines });
    const socket = webSocket(server);
    await new Promise((resolve) => socket.once("open", resolve));
    socket.send(JSON.stringify({ type: "response.create", model: "MiniMax-M3", input: "hi" }));
    await new Promise((resolve) => socket.once("message", resolve));
    socket.pause();
    expect(await left).toBe(true);
  });

  it("WebSockets on all slots, as soon as another key waits", async () => {
    const keys = ["sk-many-0123456789", "sk-other-0123456789"];
    const engines = new Map([["e", simEngine({ slots: 3, contextWindow: 1e8 })]]);
    const server = await startServer(
      { apiKeys: [testKey, ...keys], server: { timeouts: { stallSeconds: 1_000 } } },
      { engines },
    );
    servers.push(server);
    const instructions = "B".repeat(3_000_000);
    const input = "count from 1 to 9000";
    for (let at = 0; at < 3; at++) {
      const socket = webSocket(server, keys[0]);
      await handshake(socket);
      socket.send(JSON.stringify({ type: "response.create", model: "MiniMax-M3", input, instructions }));
      await new Promise((resolve) => socket.once("message", resolve));
      socket.pause();
    }
    const body = JSON.stringify({ model: "MiniMax-M3", messages: [{ role: "user", content: "hi" }] });
    const answer = await server.call("/v1/chat/completions", { method: "POST", body, key: keys[1] ?? "" });
    expect(answer.status).toBe(200);
  }, 60_000);

  it("an answer of JSON, of which nothing stays in memory", async () => {
    const engines = new Map([["e", simEngine({ contextWindow: 100_000_000 })]]);
    const server = await serve({ timeouts: { stallSeconds: 1 } }, { engines });
    const text = "x".repeat(10_000_000);
    let received = 0;
    const input = JSON.stringify({
      model: "MiniMax-M3",
      store: true,
      instructions: text,
      input: "hi",
      max_output_tokens: 1,
    });
    const peer = open(server, post("/v1/responses", input), { reads: false });
    peer.socket.once("data", (data: Buffer) => {
      received += data.length;
      peer.socket.pause();
    });
    peer.socket.resume();
    await expect.poll(() => received, { timeout: 40_000 }).toBeGreaterThan(0);
    await wait(3_000);
    peer.socket.on("data", (data: Buffer) => (received += data.length)).resume();
    await peer.closed;
    expect(received).toBeLessThan(text.length);
  }, 60_000);

  it("but not one who is slow", async () => {
    const { left, engines } = flood();
    const server = await serve({ timeouts: { ...short, stallSeconds: 1.5 } }, { engines });
    const peer = open(server, post("/v1/chat/completions", chat), { reads: false });
    sip(peer.socket);
    let ended = false;
    void left.then(() => (ended = true));
    await wait(4_000);
    expect(ended).toBe(false);
  });
});

function webSocket(server: Running, key = testKey): WebSocket {
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/responses`, {
    headers: { authorization: `Bearer ${key}` },
  });
  socket.on("error", () => undefined);
  sockets.push({ destroy: () => socket.terminate() });
  return socket;
}

/** The status of a handshake; 101 where it was accepted. */
const handshake = (socket: WebSocket): Promise<number> =>
  new Promise((resolve) => {
    socket.once("open", () => resolve(101));
    socket.once("unexpected-response", (_request, response) => resolve(response.statusCode ?? 0));
  });

it("sends a long message over a WebSocket whole, and others after it", async () => {
  const socket = webSocket(await serve());
  await handshake(socket);
  const instructions = "é👋".repeat(100_000);
  socket.send(JSON.stringify({ type: "response.create", model: "MiniMax-M3", input: "hi", instructions }));
  for (let at = 0; at < 5; at++) socket.send("{");
  const events: { type: string; response?: { instructions?: string } }[] = [];
  await new Promise<void>((resolve) =>
    socket.on("message", (data: Buffer) => {
      const event = JSON.parse(data.toString()) as (typeof events)[0];
      events.push(event);
      if (event.type === "response.completed") resolve();
    }),
  );
  expect(events[0]).toMatchObject({ type: "response.created", response: { instructions } });
});

describe("how many connections there may be:", () => {
  it("one address keeps those that have shown a key, and the newest without", async () => {
    const server = await serve({ timeouts: {}, connections: { perAddress: 4 } });
    const known = open(server, `GET /v1/models HTTP/1.1\r\nhost: x\r\n${auth}\r\n`);
    await expect.poll(() => known.text()).toContain("200 OK");
    const strangers = Array.from({ length: 12 }, () => open(server, ""));
    await Promise.all(strangers.slice(0, 8).map(({ closed }) => closed));
    known.socket.write(`GET /v1/models HTTP/1.1\r\nhost: x\r\n${auth}\r\n`);
    await expect.poll(() => known.text().match(/200 OK/g)).toHaveLength(2);
    strangers.at(-1)?.socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    await expect.poll(() => strangers.at(-1)?.text()).toContain("200 OK");
  });

  it.runIf(process.platform === "linux")(
    "those of an address with too many go first where there are too many in all",
    async () => {
      const server = await serve({ timeouts: {}, connections: { perAddress: 4, total: 20 } });
      const other = open(server, "", { from: "127.0.0.2" });
      const strangers = Array.from({ length: 60 }, () => open(server, ""));
      await Promise.all(strangers.slice(0, 56).map(({ closed }) => closed));
      other.socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
      await expect.poll(() => other.text()).toContain("200 OK");
    },
  );

  it("one address with too many loses some at a time, so that coming back costs little", async () => {
    const server = await serve({ timeouts: {}, connections: { perAddress: 4 } });
    let ended = 0;
    const strangers = Array.from({ length: 300 }, () => open(server, ""));
    for (const { closed } of strangers) void closed.then(() => (ended += 1));
    const most: number[] = [];
    for (let before = 0; ended < 296; before = ended) {
      await wait(15);
      most.push(ended - before);
    }
    // the clock looks twice a second
    expect(Math.max(...most)).toBeLessThan(200);
  });

  it("a trusted proxy may have as many as there may be in all, and a caller finds room", async () => {
    const settings = { server: { connections: { perAddress: 2, total: 20 } }, trustedProxies: ["127.0.0.1"] };
    const server = await startServer(settings, { engines: new Map([["e", simEngine()]]) });
    servers.push(server);
    const strangers = Array.from({ length: 60 }, () => open(server, ""));
    await Promise.all(strangers.slice(0, 40).map(({ closed }) => closed));
    expect((await server.call("/v1/models")).status).toBe(200);
  });

  it("one key does not get all of them", async () => {
    const server = await serve({ timeouts: {}, connections: { perKey: 2 } });
    const get = `GET /v1/models HTTP/1.1\r\nhost: x\r\n${auth}\r\n`;
    const [first, second] = [open(server, get), open(server, get)];
    await expect.poll(() => first.text() + second.text()).toMatch(/200 OK[^]*200 OK/);
    const third = open(server, get);
    await expect.poll(() => third.text()).toContain("429 Too Many Requests");
    first.socket.destroy();
    await first.closed;
    third.socket.write(get);
    await expect.poll(() => third.text()).toContain("200 OK");
  });

  it.each([
    { webSocketsPerKey: 2, webSockets: 3 },
    // a key that a whole team uses may have half of all
    { webSockets: 4 },
  ])("one key does not get all WebSockets: %o", async (connections) => {
    const server = await serve({ connections });
    const both = [webSocket(server), webSocket(server)];
    expect(await Promise.all(both.map(handshake))).toEqual([101, 101]);
    expect(await handshake(webSocket(server))).toBe(429);
    both[0]?.terminate();
    await expect.poll(() => handshake(webSocket(server))).toBe(101);
  });
});

describe("a WebSocket that is refused because its key has too many connections", () => {
  it("does not count as one of the key", async () => {
    const server = await serve({ timeouts: {}, connections: { perKey: 1, webSocketsPerKey: 2 } });
    const first = open(server, `GET /v1/models HTTP/1.1\r\nhost: x\r\n${auth}\r\n`);
    await expect.poll(() => first.text()).toContain("200 OK");
    const refused = await Promise.all([1, 2, 3].map(() => handshake(webSocket(server))));
    expect(refused).toEqual([429, 429, 429]);
    first.socket.destroy();
    await first.closed;
    await expect.poll(() => handshake(webSocket(server))).toBe(101);
  });
});

describe("many requests on one connection", () => {
  it("are answered in order, and nobody warns of listeners", async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on("warning", note);
    try {
      const server = await serve({ timeouts: {} });
      const body = (at: number): string =>
        JSON.stringify({
          model: "MiniMax-M3",
          messages: [{ role: "user", content: `Say exactly '${at}'` }],
          thinking: { type: "disabled" },
        });
      const count = 60;
      const bytes = Array.from({ length: count }, (_, at) => post("/v1/chat/completions", body(at))).join("");
      const peer = open(server, bytes);
      await expect.poll(() => peer.text().match(/"content":"(\d+)"/g)?.length, { timeout: 10_000 }).toBe(count);
      const said = [...peer.text().matchAll(/"content":"(\d+)"/g)].map(([, at]) => Number(at));
      expect(said).toEqual(Array.from({ length: count }, (_, at) => at));
      const again = open(server, "");
      for (let at = 1; at <= 40; at++) {
        again.socket.write(post("/v1/chat/completions", at % 2 === 0 ? body(at) : chat));
        await expect.poll(() => again.text().match(/HTTP\/1\.1 200/g)?.length, { interval: 5 }).toBe(at);
      }
      await wait(20);
      expect(warnings).toEqual([]);
    } finally {
      process.off("warning", note);
    }
  }, 20_000);

  it("take turns with those of other connections", async () => {
    const server = await serve({ timeouts: {} });
    const count = 20_000;
    const peer = open(server, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".repeat(count));
    await expect.poll(() => peer.text().length, { interval: 1 }).toBeGreaterThan(0);
    expect((await server.call("/healthz")).status).toBe(200);
    expect(peer.text().match(/200 OK/g)?.length).toBeLessThan(count / 2);
  });
});
