import type { IncomingMessage } from "node:http";
import { ParleyError } from "../model/error.ts";

/** Whether pages of this origin may use the server from a browser. */
export type AllowsOrigin = (origin: string) => boolean;

/** Answer headers that scripts of other origins may read, by name: `*` is not understood by every browser. */
const exposedHeaders = [
  "trace-id",
  "x-request-id",
  "request-id",
  "retry-after",
  ...["limit", "remaining", "reset"].flatMap((what) => [`x-ratelimit-${what}-requests`, `x-ratelimit-${what}-tokens`]),
  "x-parley-route",
  "server-timing",
].join(", ");

const loopback = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/;
/** How long a browser need not ask again; two hours is the most that Chrome takes. */
const maxAgeSeconds = 7200;
/** Paths of the operator, which no page may use. */
const operators = /^\/(?:admin|metrics)(?:\/|$)/i;

/** Reads the setting `cors.origins`: origins, `loopback` and `*`. */
export function originCheck(origins: readonly string[]): AllowsOrigin {
  const allowed = new Set(origins);
  if (allowed.has("*")) return () => true;
  return (origin) => allowed.has(origin) || (allowed.has("loopback") && loopback.test(origin));
}

/** The CORS headers of every answer; `path` is the pattern of the route, or what was asked for where none matched. */
export function corsHeaders(request: IncomingMessage, path: string, allows: AllowsOrigin): Record<string, string> {
  if (operators.test(path)) return {};
  const { origin } = request.headers;
  // a cache must keep apart what different pages are answered
  if (origin === undefined || !allows(origin)) return { vary: "Origin" };
  return { vary: "Origin", "access-control-allow-origin": origin, "access-control-expose-headers": exposedHeaders };
}

/**
 * The further headers of the answer to a preflight (Fetch standard, CORS protocol), which a browser sends without a key;
 * undefined where the request is none. Throws `forbidden` for pages that are not allowed.
 */
export function preflightHeaders(
  { method, headers }: IncomingMessage,
  path: string,
  allows: AllowsOrigin,
): Record<string, string> | undefined {
  const { origin } = headers;
  if (method !== "OPTIONS" || origin === undefined || headers["access-control-request-method"] === undefined) return;
  if (operators.test(path)) return;
  if (!allows(origin)) throw refused(origin);
  return {
    "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    // all that is asked for: SDKs send many of their own, such as x-stainless-*
    "access-control-allow-headers": headers["access-control-request-headers"] ?? "authorization, content-type",
    "access-control-max-age": String(maxAgeSeconds),
    ...(headers["access-control-request-private-network"] === "true" && {
      "access-control-allow-private-network": "true",
    }),
  };
}

/** Refuses the WebSocket of a page that is not allowed. Programs send no `Origin`, or the server's own address. */
export function checkSocketOrigin({ headers }: IncomingMessage, allows: AllowsOrigin): void {
  const { origin, host } = headers;
  if (origin === undefined || allows(origin)) return;
  if (origin.replace(/^https?:\/\//, "") === host) return;
  throw refused(origin);
}

function refused(origin: string): ParleyError {
  const page = JSON.stringify(origin.slice(0, 200));
  return new ParleyError("forbidden", `pages of origin ${page} may not use this server (setting cors.origins)`);
}
