import type { Dispatcher } from "undici";
import type { Secret } from "../../../lib/secret.ts";

export interface PoolOptions {
  /** Scheme, host and port. */
  origin: string;
  /** URL of an HTTP proxy that every call goes through; default none. */
  proxy?: Secret | undefined;
  /** Connections at most; default no bound. */
  connections?: number | undefined;
  /** To open a connection. */
  connectMs: number;
}

/** Connections to one server. Opened with the first request, which also loads the library: 8 MB that a server without upstreams does not need. */
export class LazyPool {
  // fixed at birth
  private readonly options: PoolOptions;
  // changed by events
  /** Set by the first `open`. */
  private opened: Promise<Dispatcher> | undefined;

  constructor(options: PoolOptions) {
    this.options = options;
  }

  open(): Promise<Dispatcher> {
    this.opened ??= import("undici").then((undici) => {
      const { origin, proxy, connections, connectMs } = this.options;
      const options = {
        connections: connections ?? null,
        connect: { timeout: connectMs },
        // Deadlines are the caller's: one timer for the whole answer instead of one per read.
        headersTimeout: 0,
        bodyTimeout: 0,
        allowH2: false,
      };
      if (proxy === undefined) return new undici.Pool(origin, options);
      return new undici.ProxyAgent({ uri: proxy.reveal(), ...options });
    });
    return this.opened;
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    await (await this.opened)?.destroy();
  }
}
