import { ownedName, ownerState } from "../lib/owner.ts";
import { placeholders, type SqlDatabase } from "./database.ts";
import type { WorkerId, WorkerStore } from "./store.ts";

/**
 * Leases on work that is under way in the database. A process that works renews its lease every five seconds. A lease has
 * expired when its process is seen to be gone on this machine, or when it was not renewed for 18 seconds while this process
 * watched it: by the clock of the process that watches, which no one sets, so that clocks that differ or jump end no lease.
 * The table and the column are called `holder`.
 */
const renewMs = 5_000;
const leaseMs = 18_000;
/** How long the row of a process that ended is kept. */
const keptMs = 600_000;

/** The database's clock, in milliseconds since the Unix epoch. */
const clock = {
  sqlite: "cast(unixepoch('subsec') * 1000 as integer)",
  postgres: "(extract(epoch from clock_timestamp()) * 1000)::bigint",
};

/** Hosts that mean another machine where another machine names them. */
const loopback = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** The lease of this process, under which it works on responses. */
export class WorkerLease implements WorkerStore {
  // fixed at birth
  readonly id: WorkerId = ownedName();
  private readonly database: SqlDatabase;
  private readonly monotonic: () => number;
  // changed by events
  /** Renews the lease; set by `acquire`, stopped by `release`. */
  private timer: NodeJS.Timeout | undefined;
  /** Where others reach this process; set by `announce`. */
  private ownUrl = "";
  /** The last renewal of every lease, and since when it is the last one; filled by `expired`. */
  private watched = new Map<WorkerId, { renewal: string; since: number }>();
  /** When `expired` last read the leases. */
  private watchedAt = -Infinity;

  /** `monotonic`: milliseconds since any moment, of a clock that is never set. */
  constructor(database: SqlDatabase, monotonic: () => number = () => performance.now()) {
    this.database = database;
    this.monotonic = monotonic;
  }

  announce(url: string): void {
    this.ownUrl = url;
  }

  async url(id: WorkerId): Promise<string | undefined> {
    const [row] = await this.database.all("select url from holder where id = ?", [id]);
    const url = String(row?.["url"] ?? "");
    const state = ownerState(id);
    if (url === "" || state === "gone") return undefined;
    return state === "elsewhere" && loopback.test(new URL(url).hostname) ? undefined : url;
  }

  /** Takes the lease and keeps renewing it; to be called before work is begun. Further calls change nothing. */
  async acquire(): Promise<void> {
    if (this.timer !== undefined) return;
    // a renewal that fails is repeated by the next one: the lease expires only after three of them
    this.timer = setInterval(() => void this.renew().catch(() => undefined), renewMs);
    this.timer.unref();
    await this.renew();
  }

  /**
   * Those of the given processes whose lease has expired. To be called again and again, more often than a lease lasts:
   * what is watched for the first time is given its time.
   */
  async expired(workerIds: readonly WorkerId[]): Promise<ReadonlySet<WorkerId>> {
    await this.watch();
    return new Set(workerIds.filter((workerId) => this.isExpired(workerId)));
  }

  /** Gives the lease up. Where the database does not answer, the lease expires by itself. */
  async release(): Promise<void> {
    clearInterval(this.timer);
    if (this.timer === undefined) return;
    await this.database.run("delete from holder where id = ?", [this.id]).catch(() => undefined);
  }

  private isExpired(workerId: WorkerId): boolean {
    if (workerId === this.id) return false;
    const watched = this.watched.get(workerId);
    // it never took a lease, or released it
    if (watched === undefined) return true;
    const state = ownerState(workerId);
    return state === "elsewhere" ? this.monotonic() - watched.since > leaseMs : state === "gone";
  }

  private async watch(): Promise<void> {
    const rows = await this.database.all("select id, renewed_at from holder");
    const now = this.monotonic();
    // after a pause all begin anew: the database may have been away, and then no one could renew
    const before = now - this.watchedAt > leaseMs ? undefined : this.watched;
    this.watchedAt = now;
    this.watched = new Map();
    for (const row of rows) {
      const [id, renewal] = [String(row["id"]), String(row["renewed_at"])];
      const last = before?.get(id);
      this.watched.set(id, last?.renewal === renewal ? last : { renewal, since: now });
    }
    const ended = [...this.watched].filter(([, { since }]) => now - since > keptMs).map(([id]) => id);
    if (ended.length > 0)
      await this.database.run(`delete from holder where id in ${placeholders(1, ended.length)}`, ended);
  }

  private async renew(): Promise<void> {
    await this.database.run(
      `insert into holder (id, renewed_at, url) values (?, ${clock[this.database.dialect]}, ?)
       on conflict (id) do update set renewed_at = excluded.renewed_at, url = excluded.url`,
      [this.id, this.ownUrl],
    );
  }
}
