import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import { NetworkSet, networkOf, unmapped } from "../../lib/cidr.ts";
import type { Arrivals } from "../../lib/arrivals.ts";
import { ParleyError } from "../../model/error.ts";
import { Connection, type Exchange } from "./connection.ts";
import { openFilesLimit } from "./open-files.ts";
import { LoopTurns } from "./loop-turns.ts";
import { ReadTurns } from "./read-turns.ts";
import { timeoutsOf, type ConnectionSettings, type Timeouts, type TimeoutSettings } from "./settings.ts";

export interface ConnectionsOptions {
  timeouts: TimeoutSettings;
  limits: ConnectionSettings;
  /** Addresses that many callers share: the bound of one address does not hold for them. */
  trustedProxies: readonly string[];
  /** Is given every new connection. */
  arrivals: Arrivals;
}

/**
 * Connections that the system holds until they are accepted; its own bound (`net.core.somaxconn`) holds too. Node's default of 511
 * is full within 50 ms of a crowd, and who finds it full tries again after a second (RFC 6298).
 */
export const maxUnaccepted = 4_096;
/** Share of the open files that connections may have; the rest is for engines, the database and files. */
const openFilesShare = 0.8;
/** Strangers of addresses with too many that the clock ends each time: one that is ended may come back at once, at our cost. */
const maxSurplusEnded = 128;
/** The clock looks at all connections at least this often, in milliseconds. */
const maxTickMs = 1_000;

/**
 * All connections of the server: the one clock that ends those that are silent, and how many there may be. A connection is a
 * stranger until a request on it showed a valid key.
 */
export class Connections {
  // fixed at birth
  readonly timeouts: Timeouts;
  private readonly total: number;
  private readonly limits: ConnectionSettings;
  private readonly shared: NetworkSet;
  private readonly arrivals: Arrivals;
  private readonly turns: LoopTurns;
  /** When they are read; knows what it holds back. */
  private readonly reading: ReadTurns;
  // changed by events
  /** Every open connection; changed when one opens or closes. */
  private readonly all = new Map<Duplex, Connection>();
  /** Those that have shown no key, the oldest first. */
  private readonly strangers = new Set<Connection>();
  /** The same by address, without those of shared ones. */
  private readonly byAddress = new Map<string, Set<Connection>>();
  /** Addresses that had too many of them when one opened. */
  private readonly crowded = new Set<string>();
  /** How many have shown each key last. */
  private readonly byKey = new Map<string, number>();
  /** Set by `drain`. */
  private leaving = false;

  constructor({ timeouts, limits, trustedProxies, arrivals }: ConnectionsOptions) {
    this.arrivals = arrivals;
    this.turns = new LoopTurns(arrivals);
    this.reading = new ReadTurns(this.all, arrivals);
    this.timeouts = timeoutsOf(timeouts);
    this.limits = limits;
    this.total = Math.max(1, Math.min(limits.total, Math.floor(openFilesLimit() * openFilesShare)));
    this.shared = new NetworkSet(trustedProxies);
  }

  /** Open connections. */
  get size(): number {
    return this.all.size;
  }

  /** Whether callers are being moved to other servers. */
  get draining(): boolean {
    return this.leaving;
  }

  /** Whether a connection came less than `ms` milliseconds ago whose first request may still be on its way. */
  hasFresh(ms: number): boolean {
    const now = performance.now();
    return [...this.all.values()].some((connection) => connection.isFresh(ms, now));
  }

  /** From now on every connection, also a new one, is closed by its next answer. */
  drain(): void {
    this.leaving = true;
    for (const connection of this.all.values()) connection.drain();
  }

  /** Watches a server's connections from now on. */
  watch(server: Server): void {
    server.on("connection", (socket: Socket) => this.open(socket));
    server.on("clientError", this.received);
    const times = Object.values(this.timeouts) as number[];
    const timer = setInterval(() => this.tick(), Math.min(maxTickMs, ...times.map((ms) => ms / 4))).unref();
    server.once("close", () => clearInterval(timer));
  }

  /** Begins a request when it is its caller's turn. */
  receive(exchange: Exchange): void {
    this.received();
    const connection = this.all.get(exchange.request.socket);
    connection?.receive(exchange, this.callerNetwork(connection, exchange.request));
  }

  of(socket: Duplex): Connection | undefined {
    return this.all.get(socket);
  }

  /** Notes the key that a request on a connection has shown. Throws `connection-limit` where that key has too many. */
  identify(socket: Duplex, keyId: string): void {
    const connection = this.all.get(socket);
    if (connection === undefined || connection.keyId === keyId) return;
    const count = this.byKey.get(keyId) ?? 0;
    if (count >= (this.limits.perKey ?? Math.ceil(this.total / 2))) {
      throw new ParleyError("connection-limit", "too many connections with this key", { retryAfter: 1 });
    }
    this.forget(connection);
    connection.keyId = keyId;
    this.byKey.set(keyId, count + 1);
  }

  /** A request, the end of what a peer sends, or a broken connection. */
  private readonly received = (): void => this.reading.note();

  /** Of the nearest address that is no trusted proxy. */
  private callerNetwork({ address, network }: Connection, { headers }: IncomingMessage): string {
    if (!this.shared.has(address)) return network;
    const forwarded = String(headers["x-forwarded-for"] ?? "").split(",");
    let nearest = address;
    while (this.shared.has(nearest) && forwarded.length > 0) nearest = unmapped(forwarded.pop()?.trim() ?? "");
    return networkOf(nearest);
  }

  private tick(): void {
    const now = performance.now();
    for (const connection of this.all.values()) connection.check(now);
    for (let count = 0; count < maxSurplusEnded && this.drop(this.surplus()); count += 1);
  }

  private open(socket: Socket): void {
    this.arrivals.note();
    const connection = new Connection(socket, { timeouts: this.timeouts, turns: this.turns });
    if (this.all.size >= this.total && !this.makeRoom()) {
      socket.destroy();
      return;
    }
    if (this.leaving) connection.drain();
    this.all.set(socket, connection);
    // in a crowd all that wait at the port are accepted before any of them is read: many may be gone already
    if (this.arrivals.crowded) this.reading.hold(connection);
    socket.on("end", this.received);
    socket.once("close", () => {
      this.all.delete(socket);
      this.forget(connection);
    });
    this.strangers.add(connection);
    const { address, network } = connection;
    if (network === "" || this.shared.has(address)) return;
    const neighbours = this.byAddress.get(network) ?? new Set();
    this.byAddress.set(network, neighbours.add(connection));
    if (neighbours.size > this.limits.perAddress) this.crowded.add(network);
  }

  /** The oldest stranger of an address that has too many. */
  private surplus(): Connection | undefined {
    for (const network of this.crowded) {
      const neighbours = this.byAddress.get(network) ?? new Set();
      const [oldest] = neighbours;
      if (neighbours.size > this.limits.perAddress) return oldest;
      this.crowded.delete(network);
    }
    return undefined;
  }

  /** Ends a connection that does little harm to its owner; `false` where there is none. */
  private makeRoom(): boolean {
    const [stranger] = this.strangers;
    return this.drop(this.surplus() ?? stranger ?? this.idleOfGreediest());
  }

  /** An idle connection of the key that has most of all keys with idle ones. */
  private idleOfGreediest(): Connection | undefined {
    const count = ({ keyId }: Connection): number => (keyId === undefined ? 0 : (this.byKey.get(keyId) ?? 0));
    let found: Connection | undefined;
    for (const one of this.all.values()) {
      if (one.idle && (found === undefined || count(one) > count(found))) found = one;
    }
    return found;
  }

  private drop(connection: Connection | undefined): boolean {
    if (connection === undefined) return false;
    // its event `close` comes later
    this.all.delete(connection.socket);
    this.forget(connection);
    connection.socket.destroy();
    return true;
  }

  /** Takes a connection out of the counts by key and of strangers. */
  private forget(connection: Connection): void {
    const { keyId } = connection;
    if (keyId !== undefined) {
      const left = (this.byKey.get(keyId) ?? 0) - 1;
      if (left > 0) this.byKey.set(keyId, left);
      else this.byKey.delete(keyId);
      connection.keyId = undefined;
      return;
    }
    this.strangers.delete(connection);
    const neighbours = this.byAddress.get(connection.network);
    neighbours?.delete(connection);
    if (neighbours?.size === 0) this.byAddress.delete(connection.network);
  }
}
