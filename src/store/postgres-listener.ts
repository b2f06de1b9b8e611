import { randomUUID } from "node:crypto";
import pg from "pg";
import type { CommitWatch } from "./database.ts";
import { revisionChannel } from "./revision-schema.ts";

/**
 * What is read may be used from memory while the last proof is younger than this, in milliseconds: a change of another process
 * is missed for so long at most, where its notification is lost on the way.
 */
const trustedMs = 500;
/** While it is asked for, a new proof is begun when the last one is this old. */
const proofMs = 100;
/** Pause after a listener that failed. */
const retryMs = 1_000;
const connectTimeoutMs = 5_000;

export interface RevisionListenerOptions {
  url: string;
  /** Notifies the channel of revisions through another connection; a payload says that nothing has changed. */
  notify: (payload: string) => Promise<void>;
  /** Milliseconds of a clock that is never set. */
  monotonic: () => number;
}

/**
 * Counts the changes that other processes make to what keys and accounts are held to, on a connection of its own that
 * listens. PostgreSQL sends notifications before the answer of a query that began after their commit, so an answered query
 * proves that none of before is missing. It listens from the first question on, and asks the server nothing while it is not
 * asked itself.
 */
export class RevisionListener implements CommitWatch {
  // fixed at birth
  readonly of = "terms";
  private readonly options: RevisionListenerOptions;
  // changed by events
  /** Grows with every notification and every new connection. */
  private number = 0;
  /** The connection that listens; set by `connect`, cleared when it fails. */
  private client: pg.Client | undefined;
  /** When the last proof began that succeeded on `client`. */
  private provenAt = -Infinity;
  /** The proof under way. */
  private proving: Promise<void> | undefined;
  /** Before that no new proof is begun; set where one failed. */
  private retryAt = -Infinity;
  /** Set by `close`. */
  private closed = false;

  constructor(options: RevisionListenerOptions) {
    this.options = options;
  }

  version(): number | undefined {
    const now = this.options.monotonic();
    if (now - this.provenAt > proofMs && now >= this.retryAt && !this.closed) {
      this.proving ??= this.prove(now)
        .catch(() => this.drop(this.client))
        .finally(() => (this.proving = undefined));
    }
    return now - this.provenAt > trustedMs ? undefined : this.number;
  }

  /** A proof under way is not waited for: pg never settles `connect` of a client that was ended meanwhile. */
  close(): void {
    this.closed = true;
    this.drop(this.client);
  }

  private async prove(began: number): Promise<void> {
    const client = this.client ?? (await this.connect());
    await client.query("select 1");
    if (client === this.client) this.provenAt = began;
  }

  private async connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.options.url,
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: connectTimeoutMs,
      keepAlive: true,
      application_name: "parley-listen",
    });
    this.client = client;
    client.on("error", () => this.drop(client));
    client.on("end", () => this.drop(client));
    await client.connect();
    await this.listen(client);
    // what was changed while nothing listened
    this.number += 1;
    return client;
  }

  /** Throws where notifications do not come through, as behind a pool that exchanges connections between two statements. */
  private async listen(client: pg.Client): Promise<void> {
    const token = randomUUID();
    let echoed = false;
    client.on("notification", ({ payload }) => {
      if (payload === token) echoed = true;
      else if (payload === "" || payload === undefined) this.number += 1;
    });
    await client.query(`listen ${revisionChannel}`);
    await this.options.notify(token);
    await client.query("select 1");
    if (!echoed) throw new Error("notifications of PostgreSQL do not come through");
  }

  private drop(client: pg.Client | undefined): void {
    if (client === undefined || client !== this.client) return;
    this.client = undefined;
    this.provenAt = -Infinity;
    this.retryAt = this.options.monotonic() + retryMs;
    client.end().catch(() => undefined);
  }
}
