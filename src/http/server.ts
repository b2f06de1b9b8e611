import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import { once } from "node:events";
import { setImmediate, setTimeout as wait } from "node:timers/promises";
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { acceptedCodings } from "../lib/content-coding.ts";
import { ParleyError, invalid, reasonOf, toParleyError, type ErrorKind } from "../model/error.ts";
import { vendorId, type IdSource } from "../model/id.ts";
import type { Authenticate, Caller } from "../policy/authenticate.ts";
import { envelope } from "../surface/shared/envelope.ts";
import type { Reply } from "../surface/surface.ts";
import type { Log } from "../telemetry/log.ts";
import type { RequestWatch } from "../telemetry/watch.ts";
import type { Connections } from "./connection/connections.ts";
import { corsHeaders, preflightHeaders, type AllowsOrigin } from "./cors.ts";
import { callerOrigin, rateLimitHeaders, traceHeaders } from "./headers.ts";
import { requestPath, routePattern } from "./path.ts";
import { rawReply } from "./raw-reply.ts";
import { slicedBody } from "./slices.ts";
import { watchRequest } from "./watch-request.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Set by the authentication hook of every scope that has one. */
    caller: Caller;
    /** Set when the request was answered with an error. */
    errorKind: ErrorKind | undefined;
    /** Why, in words that hold nothing of the request. */
    errorReason: string | undefined;
  }
}

export interface ServerOptions {
  ids: IdSource;
  log: Log;
  /** Follows every request, for the log and for traces. */
  watch?: RequestWatch;
  /** Watches every connection. */
  connections: Connections;
  /** Which pages may use the server from a browser. */
  allowsOrigin: AllowsOrigin;
}

/** How a scope shows errors; the vendor's envelope where a scope says nothing. */
export type ErrorReply = (error: ParleyError, requestId: string) => Reply;

/** A media type (RFC 9110), perhaps with parameters. */
const mediaType = /^\s*[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/;

/** The HTTP server without routes: request ids, headers of every answer, errors, preflights, unknown paths and methods. */
export function createServer(options: ServerOptions): FastifyInstance {
  const common = ({ raw, routeOptions }: FastifyRequest, reply: FastifyReply): Record<string, string> => ({
    ...traceHeaders(reply),
    ...corsHeaders(raw, routeOptions.url ?? requestPath(raw.url), options.allowsOrigin),
  });
  const server = fastify({
    genReqId: () => vendorId(options.ids),
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
    forceCloseConnections: "idle",
    // what comes on a connection that is still open is served; the framework's own refusal is no vendor's envelope
    return503OnClosing: false,
    logger: false,
    serverFactory: (handler) => listeningServer(handler, options.connections),
    frameworkErrors: (error, request, reply) => {
      void send(reply.headers(common(request, reply)), envelope(fromFramework(error), reply.request.id));
    },
    clientErrorHandler: (error, socket) => {
      options.log.debug({ code: error.code }, "malformed HTTP");
      refuseSocket(error, socket, options);
    },
  });
  // bodies are read by the routes themselves: the limit, its draining and the wording are ours
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", (_request, _payload, done) => done(null));
  server.decorateRequest("caller", undefined as never);
  server.decorateRequest("errorKind", undefined);
  server.decorateRequest("errorReason", undefined);
  server.addHook("onRequest", (request, reply, done) => {
    reply.headers(common(request, reply));
    // any content type is taken: what is none would be refused by the framework
    const { headers } = request.raw;
    if (!mediaType.test(headers["content-type"] ?? "")) delete headers["content-type"];
    if (options.watch !== undefined) watchRequest(options.watch, request, reply);
    done();
  });
  server.addHook("onSend", (_request, reply, payload, done) => {
    const sliced = typeof payload === "string" ? slicedBody(payload) : undefined;
    if (sliced !== undefined) reply.header("content-length", sliced.bytes);
    done(null, sliced?.body ?? payload);
  });
  useErrors(server, envelope, options.log);
  answerUnknown(server, options.allowsOrigin);
  return server;
}

/** Node's server, whose requests and silences the connections look after. */
function listeningServer(handler: RequestListener, connections: Connections): Server {
  const { headersMs, idleMs } = connections.timeouts;
  const server = createHttpServer(
    {
      headersTimeout: headersMs,
      keepAliveTimeout: idleMs,
      // a body has clocks of its own, which differ by route
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(maxCheckMs, headersMs / 4),
      // Java's client offers HTTP/2 with `Upgrade: h2c` on every first request; only a WebSocket is an upgrade here
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
    },
    (request, response) => connections.receive({ request, response, begin: () => handler(request, response) }),
  );
  connections.watch(server);
  return server;
}

/** How often Node looks for headers that take too long, in milliseconds. */
const maxCheckMs = 5_000;

/** Answers on a socket whose bytes are no request, and closes it. */
function refuseSocket(error: Error & { code?: string }, socket: Socket, { connections, ids }: ServerOptions): void {
  const late = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
  const connection = connections.of(socket);
  // who has sent nothing expects nothing, and who is gone reads nothing
  const silent = (late && socket.bytesRead === 0) || error.code === "ECONNRESET" || !socket.writable;
  if (connection === undefined || silent) return void socket.destroy();
  const problem = late ? "the request headers took too long" : "malformed HTTP request";
  connection.closeWith(rawReply(invalid("", problem), vendorId(ids)));
}

/** Answers what no route takes: 204 to a browser's preflight, 405 where the path has other methods, 404 elsewhere. */
function answerUnknown(server: FastifyInstance, allowsOrigin: AllowsOrigin): void {
  const routes: { methods: string[]; pattern: RegExp }[] = [];
  server.addHook("onRoute", (route) => {
    const listed = Array.isArray(route.method) ? route.method : [route.method];
    routes.push({ methods: listed, pattern: routePattern(route.url) });
  });
  server.setNotFoundHandler((request, reply) => {
    const path = requestPath(request.url);
    const preflight = preflightHeaders(request.raw, path, allowsOrigin);
    if (preflight !== undefined) return reply.code(204).headers(preflight).send();
    const allowed = new Set(routes.filter((route) => route.pattern.test(path)).flatMap((route) => route.methods));
    if (allowed.size === 0) throw unknownPath(path, routes);
    const list = [...allowed].join(", ");
    reply.header("allow", list);
    throw new ParleyError("method", `method ${request.method} is not allowed here; allowed: ${list}`);
  });
}

/** Base URLs are given without `/v1`, with it twice, or with a whole path: the path that was meant is named. */
function unknownPath(path: string, routes: readonly { pattern: RegExp }[]): ParleyError {
  const tails = path.split("/").map((_, index, parts) => `/v1/${parts.slice(index).join("/")}`);
  const meant = tails.find((candidate) => candidate !== path && routes.some(({ pattern }) => pattern.test(candidate)));
  const hint = meant === undefined ? "" : `; did you mean ${meant.slice(0, 200)}?`;
  return new ParleyError("not-found", `unknown path ${path.slice(0, 200)}${hint}`);
}

/** Shows every error of a scope through `show`; unknown ones are logged with their cause and tell nothing. */
export function useErrors(server: FastifyInstance, show: ErrorReply, log: Log): void {
  server.setErrorHandler((thrown: FastifyError | ParleyError, request, reply) => {
    const ended = fromFramework(thrown);
    if (ended.kind === "internal") log.error({ id: request.id, err: ended.cause ?? ended }, "internal error");
    if (ended.kind === "canceled" && reply.raw.destroyed) return reply.hijack();
    // its caller is still there: it was ended by the stop of the server
    const error = ended.kind === "canceled" ? stopping() : ended;
    request.errorKind = error.kind;
    request.errorReason = reasonOf(error);
    // which codings would do (RFC 9110, 415)
    if (error.kind === "unsupported-encoding") reply.header("accept-encoding", acceptedCodings);
    if (error.rateLimit !== undefined) reply.headers(rateLimitHeaders(error.rateLimit));
    return send(reply, show(error, request.id));
  });
}

/** The error of what a server that stops does not do any more. */
export function stopping(): ParleyError {
  return new ParleyError("unavailable", "the server is stopping; send the request again", { retryAfter: 1 });
}

/** Refuses a request without a known key, or of a key with too many connections, before its body is read. */
export function useAuthentication(server: FastifyInstance, authenticate: Authenticate, connections: Connections): void {
  server.addHook("onRequest", async (request) => {
    request.caller = await authenticate(credentialOf(request), callerOrigin(request.raw));
    connections.identify(request.raw.socket, request.caller.keyId);
  });
}

/**
 * `Authorization: Bearer`, or the `x-api-key` of Anthropic's clients; the first one wins (MiniMax API docs, Messages, 2026-11).
 * One without a token is none: clients send it where that setting is empty.
 */
function credentialOf({ headers }: FastifyRequest): string | undefined {
  const key = headers["x-api-key"];
  const { authorization } = headers;
  if (typeof key !== "string" || key.trim() === "" || bearerToken.test(authorization ?? "")) return authorization;
  return `Bearer ${key.trim()}`;
}

const bearerToken = /^\s*Bearer\s+\S/i;

function send(reply: FastifyReply, answer: Reply): FastifyReply {
  return reply
    .code(answer.status)
    .headers(answer.headers)
    .type("application/json; charset=utf-8")
    .send(JSON.stringify(answer.body));
}

/** Fastify's own errors about a request are the caller's mistakes. */
function fromFramework(thrown: FastifyError | ParleyError): ParleyError {
  if (thrown instanceof ParleyError) return thrown;
  const status = thrown.statusCode ?? 500;
  if (thrown.code === "FST_ERR_MAX_PARAM_LENGTH") return new ParleyError("not-found", "the path holds an id too long");
  if (status === 413) return new ParleyError("too-large", thrown.message, { cause: thrown });
  if (status >= 400 && status < 500) return invalid("", thrown.message);
  return toParleyError(thrown);
}

/** How often connections that have become idle are looked for while the server closes. */
const idleCheckMs = 25;

/** Turns of the event loop without a new connection after which none waits at the port. */
const quietTurns = 3;
/** Turns that are waited at most. */
const maxTurns = 1_000;

/** A port that is closed resets the connections that wait at it: those are accepted first, one in a turn of the loop. */
async function acceptWaiting(server: Server): Promise<void> {
  let came = 0;
  const count = (): void => void (came += 1);
  server.on("connection", count);
  for (let turn = 0, quiet = 0; turn < maxTurns && quiet < quietTurns; turn++) {
    const before = came;
    await setImmediate();
    quiet = came === before ? quiet + 1 : 0;
  }
  server.off("connection", count);
}

/** How long a connection that was just accepted is given for its first request. */
const firstRequestMs = 500;

/** Refuses new connections and resolves when every running answer is over. */
export async function closeServer(server: FastifyInstance, connections: Connections): Promise<void> {
  const { server: port } = server;
  if (!port.listening) return server.close();
  const closed = once(port, "close");
  await acceptWaiting(port);
  // only the port: the server's own end also closes connections whose first request is on its way
  NetServer.prototype.close.call(port);
  while (connections.hasFresh(firstRequestMs)) await wait(idleCheckMs);
  port.close();
  // a connection that was busy when closing began is kept alive by Node after its answer
  const idle = setInterval(() => port.closeIdleConnections(), idleCheckMs);
  // the framework closes the other ports, where a name stands for several addresses
  await Promise.all([closed, server.close()]);
  clearInterval(idle);
}
