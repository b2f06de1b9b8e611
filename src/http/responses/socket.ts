import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import { WebSocketServer, type ServerOptions, type WebSocket } from "ws";
import type { CachePool } from "../../lib/cache-pool.ts";
import { ParleyError, toParleyError } from "../../model/error.ts";
import { vendorId } from "../../model/id.ts";
import type { Authenticate, Caller } from "../../policy/authenticate.ts";
import { ConversationMemory } from "../../service/responses/memory.ts";
import type { Connections } from "../connection/connections.ts";
import type { ConnectionSettings } from "../connection/settings.ts";
import { checkSocketOrigin, type AllowsOrigin } from "../cors.ts";
import { callerOrigin } from "../headers.ts";
import { requestPath } from "../path.ts";
import { rawReply } from "../raw-reply.ts";
import { stopping } from "../server.ts";
import { ArrivingBytes } from "./arriving-bytes.ts";
import type { ResponsesRouteOptions } from "./create-route.ts";
import { splitFrames } from "./frame-splitter.ts";
import { SocketSession } from "./session.ts";
import { SocketWriter } from "./socket-writer.ts";

export interface SocketOptions extends ResponsesRouteOptions {
  authenticate: Authenticate;
  connections: Connections;
  /** Connections at once, of all keys and of one. */
  limits: Pick<ConnectionSettings, "webSockets" | "webSocketsPerKey">;
  allowsOrigin: AllowsOrigin;
  /** Bounds what connections remember, by key and in all. */
  remembered: CachePool;
}

/** How long a peer may take to answer a close frame. */
const closingMs = 5_000;
/** Silence after which a connection is closed. */
const idleMs = 60 * 60 * 1000;
const path = "/v1/responses";

/** `GET /v1/responses` with Upgrade: one connection, one response after another (Open Responses, WebSocket mode). */
export function mountSocket(server: FastifyInstance, options: SocketOptions): { close(): void } {
  const sockets = new WebSocketServer(serverOptions(options));
  const closing = new AbortController();
  const counts = new Map<string, number>();
  server.server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    void admit(request, options)
      .then(({ keyId }) => {
        // it was gone before its key was found
        if (socket.destroyed) return;
        if (closing.signal.aborted) throw stopping();
        socket.once("close", enter(keyId, counts, options));
        options.connections.identify(socket, keyId);
        options.connections.of(socket)?.upgrade();
        sockets.handleUpgrade(request, socket, head, (connection) =>
          serve(connection, { request, keyId, options, closing: closing.signal }),
        );
      })
      .catch((thrown: unknown) => refuse(socket, toParleyError(thrown), options));
  });
  return {
    close: () => {
      closing.abort();
      sockets.close();
    },
  };
}

/** `closeTimeout` is missing in the types. */
function serverOptions({ bodyLimit }: SocketOptions): ServerOptions & { closeTimeout: number } {
  return { noServer: true, maxPayload: bodyLimit, perMessageDeflate: false, closeTimeout: closingMs };
}

async function admit(request: IncomingMessage, options: SocketOptions): Promise<Caller> {
  const asked = requestPath(request.url);
  if (asked !== path) throw new ParleyError("not-found", `no WebSocket at ${asked.slice(0, 200)}`);
  checkSocketOrigin(request, options.allowsOrigin);
  return options.authenticate(request.headers.authorization, callerOrigin(request));
}

/** Counts one more WebSocket of a key; returns how it is taken out again. Throws `connection-limit`. */
function enter(keyId: string, counts: Map<string, number>, { limits }: SocketOptions): () => void {
  const count = counts.get(keyId) ?? 0;
  const all = counts.values().reduce((sum, one) => sum + one, 0);
  const perKey = limits.webSocketsPerKey ?? Math.ceil(limits.webSockets / 2);
  if (count >= perKey || all >= limits.webSockets) {
    const whose = count >= perKey ? " with this key" : "";
    throw new ParleyError("connection-limit", `too many WebSocket connections${whose}`);
  }
  counts.set(keyId, count + 1);
  return () => {
    const left = (counts.get(keyId) ?? 0) - 1;
    if (left > 0) counts.set(keyId, left);
    else counts.delete(keyId);
  };
}

function refuse(socket: Duplex, error: ParleyError, { connections, ids }: SocketOptions): void {
  const connection = connections.of(socket);
  if (connection === undefined) socket.destroy();
  else connection.closeWith(rawReply(error, vendorId(ids)));
}

interface Connection {
  request: IncomingMessage;
  keyId: string;
  options: SocketOptions;
  /** Fires when the server stops: what is under way is answered, then the connection is closed. */
  closing: AbortSignal;
}

/** How long a peer that sends too much may read why. */
const refusalMs = 1_000;

function serve(connection: WebSocket, { request, keyId, options, closing }: Connection): void {
  const frames = splitFrames(request.socket, options.bodyLimit);
  connection.binaryType = "fragments";
  const writer = new SocketWriter(connection, request.socket, () => session.close());
  const session: SocketSession = new SocketSession({
    // asked anew for every message: a key may be disabled while its connection is open
    authenticate: () => options.authenticate(request.headers.authorization, callerOrigin(request)),
    options,
    memory: new ConversationMemory(options.remembered, keyId),
    headers: request.headers,
    send: (text) => writer.send(text),
    refuseBytes: () => connection.close(1007, "not UTF-8"),
  });
  const arriving = new ArrivingBytes(connection, {
    socket: request.socket,
    budget: options.requestBudget,
    owner: keyId,
    onRefusal: (error) => {
      session.refuse(error);
      // nothing more is read, so that nothing more is held
      connection.pause();
      void writer.sent.then(() => {
        connection.close(1013, "too much at once");
        connection.pause();
        setTimeout(() => connection.terminate(), refusalMs).unref();
      });
    },
  });
  const leave = options.running.join(session.aborter);
  const stop = (): void => void session.finish().then(() => connection.close(1001, "the server is stopping"));
  const wait = (): NodeJS.Timeout => setTimeout(() => connection.close(1000, "idle"), idleMs).unref();
  let idle = wait();
  const unwatch = watchPeer(connection, options.heartbeatMs);
  closing.addEventListener("abort", stop, { once: true });
  connection.on("message", (data) => {
    clearTimeout(idle);
    idle = wait();
    const lease = arriving.take();
    if (frames.takeIsText()) return session.receive(data as Buffer[], lease);
    lease.clear();
    session.refuse(new ParleyError("invalid", "messages must be text"));
  });
  connection.on("error", () => connection.terminate());
  connection.on("close", () => {
    clearTimeout(idle);
    arriving.close();
    unwatch();
    closing.removeEventListener("abort", stop);
    leave();
    session.close();
  });
}

/** Pings; a peer that did not answer until the next ping is gone. Returns how to stop. */
function watchPeer(connection: WebSocket, everyMs: number): () => void {
  let answered = true;
  connection.on("pong", () => (answered = true));
  const timer = setInterval(() => {
    // the pong of a paused connection cannot be read
    if (connection.isPaused) return;
    if (!answered) return connection.terminate();
    answered = false;
    connection.ping();
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
