import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { SqlDatabase } from "./database.ts";

/**
 * Leases on work that is under way in the database: a process that works renews its lease every ten seconds, and a lease
 * that was not renewed for thirty has expired. On SQLite all processes run on one machine, where a dead one is seen at
 * once. The table and the column are called `holder`.
 */
const renewMs = 10_000;
const leaseMs = 30_000;

/** `<host>/<process id>/<random hex>`, so that a restarted process is not taken for the one before it. */
export type WorkerId = string;

/** The last sign of life of a process. */
export interface Heartbeat {
  workerId: WorkerId;
  /** Milliseconds since the Unix epoch; `undefined` where the process never took a lease, or released it. */
  renewedAt: number | undefined;
}

/**
 * Whether the process is no longer there to finish its work. `own` is the id of the process that asks; `isRunning` tells
 * whether a process of this machine runs, and is absent where processes may be on other machines.
 */
export function isExpired(
  { workerId, renewedAt }: Heartbeat,
  own: WorkerId,
  now: number,
  isRunning?: (pid: number) => boolean,
): boolean {
  if (workerId === own) return false;
  if (renewedAt === undefined || now - renewedAt > leaseMs) return true;
  if (isRunning === undefined) return false;
  const [host, pid] = workerId.split("/");
  const [ownHost, ownPid] = own.split("/");
  return host === ownHost && (pid === ownPid || !isRunning(Number(pid)));
}

/** The lease of this process, under which it works on responses. */
export class WorkerLease {
  // fixed at birth
  readonly workerId: WorkerId = `${hostname()}/${process.pid}/${randomBytes(6).toString("hex")}`;
  private readonly database: SqlDatabase;
  private readonly now: () => number;
  // changed by events
  /** Renews the lease; set by `acquire`, stopped by `release`. */
  private timer: NodeJS.Timeout | undefined;

  /** `now`: milliseconds since the Unix epoch. */
  constructor(database: SqlDatabase, now: () => number) {
    this.database = database;
    this.now = now;
  }

  /** Takes the lease and keeps renewing it; to be called before work is begun. Further calls change nothing. */
  async acquire(): Promise<void> {
    if (this.timer !== undefined) return;
    // a renewal that fails is repeated by the next one: the lease expires only after three of them
    this.timer = setInterval(() => void this.renew().catch(() => undefined), renewMs);
    this.timer.unref();
    await this.renew();
  }

  /** Those of the given processes whose lease has expired. */
  async expired(workerIds: readonly WorkerId[]): Promise<ReadonlySet<WorkerId>> {
    const rows = await this.database.all("select id, renewed_at from holder");
    const renewals = new Map(rows.map((row) => [String(row["id"]), Number(row["renewed_at"])]));
    const probe = this.database.dialect === "sqlite" ? isRunning : undefined;
    const now = this.now();
    return new Set(
      workerIds.filter((workerId) =>
        isExpired({ workerId, renewedAt: renewals.get(workerId) }, this.workerId, now, probe),
      ),
    );
  }

  /** Gives the lease up. Where the database does not answer, the lease expires by itself. */
  async release(): Promise<void> {
    clearInterval(this.timer);
    if (this.timer === undefined) return;
    await this.database.run("delete from holder where id = ?", [this.workerId]).catch(() => undefined);
  }

  private async renew(): Promise<void> {
    const now = this.now();
    await this.database.run(
      "insert into holder (id, renewed_at) values (?, ?) on conflict (id) do update set renewed_at = excluded.renewed_at",
      [this.workerId, now],
    );
    await this.database.run("delete from holder where renewed_at < ?", [now - 10 * leaseMs]);
  }
}

/** Whether a process of this machine runs. `kill` is Node's: signal 0 only asks. */
export function isRunning(
  pid: number,
  kill: (pid: number, signal: 0) => unknown = (...signal) => process.kill(...signal),
): boolean {
  try {
    kill(pid, 0);
    return true;
  } catch (error) {
    // a process of another user may not be signalled, but it runs
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
