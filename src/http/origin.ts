import type { IncomingMessage } from "node:http";
import type { Origin } from "../policy/authenticate.ts";

/** What the socket and the proxies say of where a request comes from. */
export function callerOrigin({ socket, headers }: IncomingMessage): Origin {
  const forwarded = headers["x-forwarded-for"];
  return { address: socket.remoteAddress, forwardedFor: Array.isArray(forwarded) ? forwarded.join(",") : forwarded };
}
