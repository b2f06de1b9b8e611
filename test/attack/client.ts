/** The attacker's tools: requests, raw sockets and WebSockets, all of them closed with the row that opened them. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Agent, request } from "undici";
import { WebSocket } from "ws";
import type { AttackedServer } from "./server.ts";

export interface Answer {
  /** 0: no answer. */
  status: number;
  text: string;
  ms: number;
}

export interface Call {
  /** Default the attacker's; `null` sends none. */
  key?: string | null;
  method?: string;
  headers?: Record<string, string>;
  timeoutMs?: number;
  /** Default: read to its end. */
  signal?: AbortSignal;
}

const waitMs = 30_000;
/** The attacker's address; the watcher and other callers come from their own, so that bounds per address do not mix. */
const attackerAddress = "127.0.0.1";
export const otherAddress = "127.0.0.3";

export class Client implements AsyncDisposable {
  readonly server: AttackedServer;
  private readonly agent: Agent;
  private readonly sockets = new Set<Socket>();
  private readonly connections = new Set<WebSocket>();
  // changed by events
  /** The row is over: who attacks until then would otherwise go on against the next one. */
  private disposed = false;

  constructor(server: AttackedServer, localAddress = attackerAddress) {
    this.server = server;
    this.agent = new Agent({
      connect: { localAddress, timeout: waitMs },
      headersTimeout: waitMs,
      bodyTimeout: waitMs,
      connections: 400,
    });
  }

  get isOver(): boolean {
    return this.disposed;
  }

  /** An object is sent as JSON, text and bytes as they are. Never rejects: no answer is status 0. */
  async send(path: string, body?: unknown, call: Call = {}): Promise<Answer> {
    const started = performance.now();
    const done = (status: number, text: string): Answer => ({ status, text, ms: performance.now() - started });
    const { key = this.server.attacker.key, method = body === undefined ? "GET" : "POST" } = call;
    const timeout = AbortSignal.timeout(call.timeoutMs ?? waitMs);
    try {
      const response = await request(this.server.url + path, {
        method,
        dispatcher: this.agent,
        signal: call.signal === undefined ? timeout : AbortSignal.any([timeout, call.signal]),
        headers: {
          "content-type": "application/json",
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...call.headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" || Buffer.isBuffer(body) ? body : json(body) }),
      });
      return done(response.statusCode, await response.body.text());
    } catch (error) {
      return done(0, String(error));
    }
  }

  /** One request of another caller, from another address and on a connection of its own. */
  async fresh(path: string): Promise<Answer> {
    await using client = new Client(this.server, otherAddress);
    return await client.send(path, undefined, { key: this.server.other.key, timeoutMs: 5_000 });
  }

  /** A bare connection that reads nothing until it is told to; nothing of it is ever an unhandled error. */
  async socket(): Promise<Socket> {
    if (this.disposed) throw new Error("the row is over");
    const socket = connect({ port: this.server.port, host: "127.0.0.1", localAddress: attackerAddress });
    this.sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => this.sockets.delete(socket));
    await once(socket, "connect");
    return socket;
  }

  /** The head of a request, ready to be written to a bare connection. */
  head(line: string, headers: Record<string, string> = {}): string {
    const all = { host: "x", authorization: `Bearer ${this.server.attacker.key}`, ...headers };
    const lines = Object.entries(all).filter(([, value]) => value !== "");
    return `${line} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  }

  async webSocket(key = this.server.attacker.key): Promise<WebSocket> {
    const connection = new WebSocket(`${this.server.url.replace("http", "ws")}/v1/responses`, {
      headers: { authorization: `Bearer ${key}` },
      localAddress: attackerAddress,
      perMessageDeflate: false,
      maxPayload: 0,
    });
    this.connections.add(connection);
    connection.on("error", () => undefined).on("close", () => this.connections.delete(connection));
    await once(connection, "open");
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed = true;
    for (const socket of this.sockets) socket.destroy();
    for (const connection of this.connections) connection.terminate();
    await this.agent.destroy();
  }
}

/** The last event of an answer over a WebSocket, or why there is none. */
export function lastEvent(connection: WebSocket, timeoutMs = waitMs): Promise<{ type: string; text: string }> {
  return new Promise((resolve) => {
    const end = (type: string, text: string): void => {
      clearTimeout(timer);
      connection.off("message", read).off("close", closed);
      resolve({ type, text });
    };
    const read = (data: Buffer): void => {
      const text = data.toString("utf8");
      const type = /"type":"(error|response\.(?:completed|incomplete|failed))"/.exec(text.slice(0, 300))?.[1];
      if (type !== undefined) end(type, text);
    };
    const closed = (code: number): void => end("closed", String(code));
    const timer = setTimeout(() => end("silence", ""), timeoutMs);
    connection.on("message", read).on("close", closed);
    if (connection.readyState === WebSocket.CLOSED) closed(0);
  });
}

/** Runs the work over all numbers below `count`, so many at once. */
export async function inParallel<T>(count: number, width: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const found: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      found[index] = await work(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
  return found;
}

/** How often each status came: `200 x 34, 429 x 266`. */
export function tally(answers: readonly { status: number | string }[]): string {
  const counts = new Map<number | string, number>();
  for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts]
    .map(([status, count]) => (counts.size === 1 && count === 1 ? `${status}` : `${status} x ${count}`))
    .join(", ");
}

function json(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
