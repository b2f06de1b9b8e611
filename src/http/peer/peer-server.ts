import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { IdSource } from "../../model/id.ts";
import { ParleyError } from "../../model/error.ts";
import type { KeyHash } from "../../policy/authenticate.ts";
import { peerHeartbeatMs } from "../../service/peer/client.ts";
import { credentialHeader, decodeKeyId, isPeerCredential, keyHeader } from "../../service/peer/credential.ts";
import type { OwnedName } from "../../lib/owner.ts";
import { Connections } from "../connection/connections.ts";
import type { ConnectionSettings, TimeoutSettings } from "../connection/settings.ts";
import { headerReader } from "../generation-route.ts";
import { mountStored, type StoredRouteOptions } from "../responses/stored-route.ts";
import { closeServer, createServer } from "../server.ts";

export interface PeerServerOptions extends StoredRouteOptions {
  /** The name of this process. */
  self: OwnedName;
  hash: KeyHash;
  ids: IdSource;
  limits: ConnectionSettings;
  timeouts: TimeoutSettings;
}

export interface PeerAddress {
  host: string;
  /** 0: any free one. */
  port: number;
  /** How many ports are tried, from `port` on. */
  ports: number;
}

export interface PeerServer {
  /** Resolves with the URL at which other processes reach it. Throws where no port can be opened. */
  listen(at: PeerAddress): Promise<string>;
  close(): Promise<void>;
}

/**
 * The port for the other processes on the same store: what callers do with stored responses that this process makes. Only
 * requests with the credential of such a process are answered; the keys of their callers have been checked there.
 */
export async function createPeerServer(options: PeerServerOptions): Promise<PeerServer> {
  const { ids, log, limits, timeouts, running, slices } = options;
  // many come from one process, and each shows a key with its one request
  const many = { ...limits, perAddress: limits.total, perKey: limits.total };
  const connections = new Connections({ limits: many, timeouts, arrivals: slices.arrivals, trustedProxies: [] });
  const server = createServer({ ids, log, connections, allowsOrigin: () => false });
  running.watch(server.server);
  await server.register(async (scope) => {
    usePeerCredential(scope, { ...options, connections });
    mountStored(scope, { ...options, sseDone: false, heartbeatMs: Math.min(options.heartbeatMs, peerHeartbeatMs) });
  });
  await server.ready();
  return {
    listen: async ({ host, port, ports }) => {
      const found = await firstFree(server.server, host, { from: port, count: ports });
      return `http://${host.includes(":") ? `[${host}]` : host}:${found}`;
    },
    close: () => closeServer(server, connections),
  };
}

type Peers = Pick<PeerServerOptions, "self" | "hash"> & { connections: Connections };

function usePeerCredential(scope: FastifyInstance, { self, hash, connections }: Peers): void {
  scope.addHook("onRequest", async (request: FastifyRequest) => {
    const header = headerReader(request.headers);
    const keyId = decodeKeyId(header(keyHeader) ?? "");
    const asked = { to: self, keyId, method: request.method, path: request.url };
    if (!isPeerCredential(header(credentialHeader) ?? "", asked, hash)) {
      throw new ParleyError("key-rejected", "this port is for the other processes of this server");
    }
    request.caller = { keyId, name: "" };
    connections.identify(request.raw.socket, keyId);
  });
}

/** Opens the first free port of a range, in this process alone; returns it. Throws the error of the last one. */
async function firstFree(server: Server, host: string, range: { from: number; count: number }): Promise<number> {
  for (let tried = 1; ; tried += 1) {
    const port = range.from === 0 ? 0 : range.from + tried - 1;
    try {
      // without `exclusive` the workers of one server would share the port
      const listening = once(server, "listening");
      server.listen({ host, port, exclusive: true });
      await listening;
      return (server.address() as AddressInfo).port;
    } catch (error) {
      const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      if (!taken || range.from === 0 || tried >= range.count) throw error;
    }
  }
}
